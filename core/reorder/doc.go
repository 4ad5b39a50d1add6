// Package reorder brings scorer lines that came in any order back into the order of
// their records, in flat memory: it spreads them over files of this machine by where
// they belong, and sorts a file at a time.
//
// It must not know where lines come from, nor what they say.
package reorder
