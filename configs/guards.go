package configs

// For returns the guards as one segment has them: its own limits, and the file's where it has none.
func (g Guards) For(s *Segment) Guards {
	own := s.Guards
	if own.Off {
		none := Limit{Off: true}
		g.Exits.MaxShare, g.Unknowns.MaxRise, g.SegmentSize.MaxChange = none, none, none
	}
	override(&g.Exits.MaxShare, own.Exits.MaxShare)
	override(&g.Exits.IgnoreBelow, own.Exits.IgnoreBelow)
	override(&g.Unknowns.MaxRise, own.Unknowns.MaxRise)
	override(&g.SegmentSize.MaxChange, own.SegmentSize.MaxChange)
	override(&g.SegmentSize.IgnoreBelow, own.SegmentSize.IgnoreBelow)
	return g
}

func override[T any](value, own *T) {
	if own != nil {
		*value = *own
	}
}
