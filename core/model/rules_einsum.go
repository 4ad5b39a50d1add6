package model

import "strings"

// einsum follows the letters of the equation.
func (c *call) einsum() {
	equation := strings.ReplaceAll(c.text("equation"), " ", "")
	left, right, explicit := strings.Cut(equation, "->")
	terms := strings.Split(left, ",")
	if len(terms) != len(c.in) {
		return
	}
	for i, t := range terms {
		full, ok := spell(t, c.in[i].rank)
		if !ok && c.in[i].data {
			return
		}
		terms[i] = full
	}
	if !explicit {
		right = implied(terms)
	}
	letter := ""
	var from fact
	for i, f := range c.in {
		if !f.data {
			continue
		}
		if !f.followed() || f.axis >= len([]rune(terms[i])) {
			c.sumsUnknown(terms, right)
			return
		}
		l := string([]rune(terms[i])[f.axis])
		if letter != "" && l != letter {
			c.couple(crosses)
			c.keep(constant(lost))
			return
		}
		letter, from = l, f
	}
	if letter == "" {
		return
	}
	result := expandDots(right, terms)
	at := runeIndex(result, letter)
	if at == lost {
		c.couple(contracts)
		c.keep(constant(lost))
		return
	}
	c.keep(from.at(at, len([]rune(result))))
}

// sumsUnknown judges an einsum one of whose batch axes was lost.
func (c *call) sumsUnknown(terms []string, result string) {
	for _, t := range terms {
		for _, r := range t {
			if !strings.ContainsRune(dots, r) && !strings.ContainsRune(result, r) {
				c.judge(unclear, "sums over")
				return
			}
		}
	}
}

// dots are the letters that stand for an ellipsis's axes, counted from the right.
const dots = "①②③④⑤⑥⑦⑧"

// spell replaces an ellipsis by letters, one an axis.
func spell(term string, rank int) (string, bool) {
	before, after, found := strings.Cut(term, "...")
	if !found {
		return term, true
	}
	n := rank - len(before) - len(after)
	letters := []rune(dots)
	if rank == lost || n < 0 || n > len(letters) {
		return before + after, false
	}
	middle := ""
	for i := range n {
		middle = string(letters[i]) + middle
	}
	return before + middle + after, true
}

// expandDots spells the result's ellipsis: as many axes as the widest operand's.
func expandDots(result string, terms []string) string {
	middle := ""
	for _, r := range dots {
		for _, t := range terms {
			if strings.ContainsRune(t, r) {
				middle = string(r) + middle
				break
			}
		}
	}
	return strings.Replace(result, "...", middle, 1)
}

// implied is the result of an equation without an arrow: the letters that occur once, in order.
func implied(terms []string) string {
	all := strings.Join(terms, "")
	out := ""
	for r := 'A'; r <= 'z'; r++ {
		if strings.Count(all, string(r)) == 1 {
			out += string(r)
		}
	}
	return "..." + out
}

// runeIndex counts in runes; lost when the letter does not occur.
func runeIndex(s, letter string) int {
	for i, r := range []rune(s) {
		if string(r) == letter {
			return i
		}
	}
	return lost
}
