package tables

// A KeyFilter leaves out objects of a snapshot by the name=value folders of their paths.
type KeyFilter struct {
	Columns []string // that it looks at, as folders name them
	// Keep says whether an object may hold rows that are wanted. values are those of its folders; nil is null.
	Keep func(values map[string]*string) bool
}
