package provider

// Terminal says whether a native job in this state is over.
func (s State) Terminal() bool {
	return s == Succeeded || s == Failed || s == Cancelled
}

// rank orders the states of a job that goes on.
func (s State) rank() int {
	for i, t := range []State{Queued, Preparing, Running, Cancelling} {
		if s == t {
			return i
		}
	}
	return 4
}

// Clamp is the state after seeing next when the last seen was s: never
// backwards, and what is over stays as it ended.
func (s State) Clamp(next State) State {
	if s == "" || !s.Terminal() && next.rank() >= s.rank() {
		return next
	}
	return s
}

// Fold is the state of an attempt with these parts: the least advanced of those
// that live, else failed if any failed, else cancelled if any was, else
// succeeded. Of no parts it is queued.
func Fold(parts []State) State {
	if len(parts) == 0 {
		return Queued
	}
	out := Succeeded
	for _, p := range parts {
		switch {
		case !p.Terminal() && (out.Terminal() || p.rank() < out.rank()):
			out = p
		case out.Terminal() && p == Failed, out == Succeeded && p == Cancelled:
			out = p
		}
	}
	return out
}
