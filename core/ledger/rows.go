package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/storage"
)

// rowsObject is rows/<digest>.json, where the digest is the SHA-256 of the object.
type rowsObject struct {
	FormatVersion int             `json:"format_version"`
	Rows          []provider.Rows `json:"rows"`
}

func encodeRows(rows []provider.Rows) (body []byte, digest string, err error) {
	if body, err = provider.Canonical(rowsObject{FormatVersion: FormatVersion, Rows: rows}); err != nil {
		return nil, "", err
	}
	sum := sha256.Sum256(body)
	return body, hex.EncodeToString(sum[:]), nil
}

// RowsDigest is the digest that PutRows gives.
func RowsDigest(rows []provider.Rows) (string, error) {
	_, digest, err := encodeRows(rows)
	return digest, err
}

// PutRows keeps which records a run tries again, and gives their digest, by which the
// run names them. Idempotent.
func (l *Ledger) PutRows(ctx context.Context, rows []provider.Rows) (string, error) {
	body, digest, err := encodeRows(rows)
	if err != nil {
		return "", err
	}
	_, err = l.create(ctx, rowsFolder+digest+".json", body)
	return digest, err
}

// Rows reads what PutRows kept. What does not have that digest any more, or is no rows,
// is ErrFormat.
func (l *Ledger) Rows(ctx context.Context, digest string) ([]provider.Rows, error) {
	key := l.prefix + rowsFolder + digest + ".json"
	body, err := l.b.Read(ctx, key)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, fmt.Errorf("the ledger's record of the rows: %w", err)
	}
	if err != nil {
		return nil, err
	}
	var o rowsObject
	if err := decode(body, &o); err != nil {
		return nil, fmt.Errorf("%s: %w", l.b.URI(key), err)
	}
	if sum := sha256.Sum256(body); hex.EncodeToString(sum[:]) != digest {
		return nil, fmt.Errorf("%s: %w: its content has another digest", l.b.URI(key), ErrFormat)
	}
	for _, r := range o.Rows {
		if _, err := r.Rows.Count(); err != nil {
			return nil, fmt.Errorf("%s: %w: shard %d: %w", l.b.URI(key), ErrFormat, r.Shard, err)
		}
	}
	return o.Rows, nil
}
