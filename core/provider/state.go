package provider

// Terminal says whether a native job in this state is over.
func (s State) Terminal() bool {
	return s == Succeeded || s == Failed || s == Cancelled
}

// unseen ranks before all states: "" and what is no state.
const unseen = -1

// rank orders the states that a job goes through.
func (s State) rank() int {
	switch s {
	case Queued:
		return 0
	case Preparing:
		return 1
	case Running:
		return 2
	case Cancelling:
		return 3
	case Succeeded, Failed, Cancelled:
		return 4
	}
	return unseen
}

// Clamp is the state after seeing next when the last seen was s: never
// backwards, what is over stays as it ended, and what is no state changes nothing.
func (s State) Clamp(next State) State {
	if !s.Terminal() && next.rank() >= s.rank() {
		return next
	}
	return s
}

// Fold is the state of an attempt with these parts: the least advanced of those
// that live, else failed if any failed, else cancelled if any was, else
// succeeded. Of no parts it is queued, as is a part of which nothing is known.
func Fold(parts []State) State {
	if len(parts) == 0 {
		return Queued
	}
	out := Succeeded
	for _, p := range parts {
		if p.rank() == unseen {
			p = Queued
		}
		switch {
		case !p.Terminal() && (out.Terminal() || p.rank() < out.rank()):
			out = p
		case out.Terminal() && p == Failed, out == Succeeded && p == Cancelled:
			out = p
		}
	}
	return out
}
