package journal

// RoundTripMark decodes and encodes again what is a mark.
func RoundTripMark(raw []byte) (again []byte, ok bool) {
	m, ok := decodeMark(raw)
	return m.encode(), ok
}

// ForeignMark is the mark that a server would have from a journal.
func ForeignMark(p Position, run string) []byte { return mark{Position: p, Run: run}.encode() }

// ClaimedMark is one from which somebody replays.
func ClaimedMark(p Position) []byte { return mark{Position: p, Claim: "somebody"}.encode() }

// MarkPosition is where a mark is.
func MarkPosition(raw []byte) (p Position, run string, ok bool) {
	m, ok := decodeMark(raw)
	return m.Position, m.Run, ok
}
