package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/crossbatch/crossbatch/cmd/crossbatch/view"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/storage"
	"github.com/crossbatch/crossbatch/core/verify"
)

func (a *app) verifyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "verify DESTINATION",
		Short: "Check a published result again, offline",
		Long: `Check that every file of a published result is there, unchanged, and holds the
records that its manifest accounts for. Differences end with exit code 1.`,
		Example: "  crossbatch verify out/scores\n  crossbatch verify s3://acme-scores/propensity/",
		Args:    oneArgument("the folder or the URI prefix of a result"),
		RunE: func(c *cobra.Command, args []string) error {
			m, findings, err := a.verify(c.Context(), args[0])
			if err != nil {
				return err
			}
			if err := view.ShowVerify(a.stdout, a.json, args[0], m, findings); err != nil {
				return err
			}
			if len(findings) > 0 {
				return &exit{code: exitError}
			}
			return nil
		},
	}
}

func (a *app) verify(ctx context.Context, at string) (*record.Manifest, []verify.Finding, error) {
	uri, err := folder(at)
	if err != nil {
		return nil, nil, err
	}
	b, prefix, err := a.open(ctx, uri)
	if err != nil {
		return nil, nil, err
	}
	m, findings, err := verify.Result(ctx, storage.FS(ctx, storage.Folder{Bucket: b, Prefix: prefix}))
	return m, findings, errors.Join(err, b.Close())
}
