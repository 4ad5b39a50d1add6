package jobfile

import (
	"cmp"
	"fmt"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/go-version"
	"github.com/hashicorp/hcl/v2"
)

// resolveSettings reads the crossbatch block.
func (l *loader) resolveSettings() {
	l.project = filepath.Base(l.dir)
	p := absent
	if l.settings != nil {
		b := l.settings.within(scope{roots: []string{rootVar, rootLocal}})
		l.requireVersion(b)
		if text, s, p := b.text("ledger"); p == given {
			l.ledger, _ = s.folderPlace(text)
		}
		var text string
		var s spot
		if text, s, p = b.text("project"); p == given {
			l.project = text
			if !goodProject(text) {
				s.fail(fmt.Sprintf("%s can not name a project.", s.quote(text)),
					fmt.Sprintf("A project has 1 to %d printable characters, and no slash.", longestProject))
			}
		}
	}
	if _, shared := scheme(l.ledger); shared && p == absent {
		l.add(problem(l.settings.at, "No project", "A ledger in an object store is shared, so the project must be named.",
			fmt.Sprintf("Set crossbatch.project, for example to %q.", l.project)))
		return
	}
	if p == absent && !goodProject(l.project) {
		l.add(problem(hcl.Range{}, "No project", fmt.Sprintf("The project is named after the folder, and %q can not name one.", l.project),
			"Set crossbatch.project."))
	}
}

const longestProject = 128

func goodProject(name string) bool {
	bad := strings.ContainsFunc(name, func(r rune) bool { return r == '/' || !unicode.IsPrint(r) })
	return name != "" && !bad && len(name) <= longestProject && utf8.ValidString(name)
}

// requireVersion refuses files that are made for another version. A
// pre-release counts as its release: 0.1.0-dev is what becomes 0.1.0.
func (l *loader) requireVersion(b *body) {
	text, s, p := b.text("required_version")
	if p != given {
		return
	}
	want, err := version.NewConstraint(text)
	if err != nil {
		s.fail(fmt.Sprintf("%s is not a version constraint.", s.quote(text)), `Write ">= 0.1", "~> 0.2" or ">= 0.1, < 1.0".`)
		return
	}
	running := cmp.Or(l.opts.Version, DefaultVersion)
	have, err := version.NewVersion(running)
	switch {
	case err != nil:
		s.fail(fmt.Sprintf("This crossbatch has the version %q, which can not be compared.", running), "Remove required_version to use this build.")
	case !want.Check(have.Core()):
		l.add(problem(s.rng, "Another version is required", fmt.Sprintf("These files need crossbatch %s, and this is %s.", s.bare(text), running), ""))
	}
}
