// Package filter reads the filters of Google's lists: comparisons, AND, OR, NOT and
// parentheses, as https://google.aip.dev/160 and the language of Cloud Logging have
// them in common. OR binds closer than AND, and AND may be left out.
//
// It must not know which fields a list has: who evaluates a filter says what a
// comparison means.
package filter
