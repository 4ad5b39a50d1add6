// Package storage is what the house needs of places that keep objects: reading,
// listing, copying, replacing at one stroke, and Create, the only lock.
//
// It stands on gocloud.dev/blob and opens local folders itself; buckets of
// clouds are opened by whoever has their SDK and handed in through an Opener.
// It must not know what the objects mean.
package storage
