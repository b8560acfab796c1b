package rules

import "regexp"

// A nodeID is the place of a node in a graph. Arguments have smaller ids than the nodes that use them.
type nodeID int32

// A node is one value of the shared graph: an operation on earlier nodes. Nodes are hash-consed: two nodes of one graph never
// mean the same, so a sub-expression that many rules, or several steps, share is evaluated once.
//
// Unless its op says otherwise a node is strict: its answer is an error or unknown when an argument is, in the order
// of cel-go v0.33.2 (RULES.md 3.2), which is the oracle.
type node struct {
	op     opcode
	typ    valueType
	args   []nodeID
	lit    literal        // opConst: the value. opField: lit.Int is the field's place. opKey: lit.String is the key
	name   string         // opColumn: the column. opNative: the function
	past   *PastColumn    // opColumn: not of the snapshot, but of what the previous run left; else nil
	set    *List          // opInFile: the contents. opInSet: the literal's values
	regex  *regexp.Regexp // opMatches, opLike
	zone   *zone          // calendar ops: the op's time zone. opColumn, opElement, opField, opKey, opIndex: where timestamps without a zone were read
	body   nodeID         // opExists .. opMax: the body, over opElement(depth)
	depth  int            // opElement and its comprehension: how many comprehensions are around it, from 0
	interp *interpreted   // opInterpreted

	over    nodeID   // population functions: the expression whose values for all users together they look at. It is no argument
	measure *measure // population functions, once the plan is made: what they found

	// swapped: the rule has the two arguments the other way round, so of an unknown and an error the one of args[1] wins.
	// It is set only where an argument can fail.
	swapped bool

	columns    []string // the snapshot's columns below this node, sorted, but for those that only population functions look at
	canUnknown bool     // some row may be unknown
	canFail    bool     // some row may be an error
	surveys    bool     // a population function is at or below this node
	surveyed   []string // the columns below what these look at, sorted
	looksBack  bool     // a past column is at or below this node
	free       uint64   // what unbound says
}

// An opcode names an operation. The comment gives args -> result; "strict" is the default and not repeated.
type opcode uint8

const (
	opConst    opcode = iota // () -> typ; lit. a null constant has typ null and is unknown in every row
	opColumn                 // () -> typ; name
	opElement                // () -> typ: the element that the comprehension of this depth looks at
	opNullText               // (string) -> string: null where the text is one of set (strings)
	opToUUID                 // (string | bytes) -> string: the canonical text; an error for what is no UUID
	opIDText                 // (string | int | uint | bytes) -> string: a user id's canonical text, as pipeline/ids writes it

	// Algebra on whole words. Not strict: Kleene with errors.
	opAnd  // (bool, bool, ...) -> bool
	opOr   // (bool, bool, ...) -> bool
	opNot  // (bool) -> bool
	opCond // (bool, T, T) -> T

	// Null tests. Not strict; an error passes.
	opIsNull   // (T) -> bool
	opIsTrue   // (bool) -> bool, unknown is false
	opMember   // (bool) -> bool, unknown and error are false: what segment("x") means
	opCoalesce // (T, T) -> T

	// Comparisons, exact between int, uint and double.
	opEq     // (T, T) -> bool; != is opNot(opEq)
	opLt     // (T, T) -> bool; a > b is opLt(b, a)
	opLe     // (T, T) -> bool
	opInSet  // (T) -> bool: one of the constants in set, which are of kind T
	opInFile // (string | int | uint) -> bool: a line of the file in set
	opInList // (T, list(T)) -> bool
	opInMap  // (string, map) -> bool

	// Arithmetic, checked. Also string + string, list + list (interpreted), timestamp and date arithmetic as in CEL.
	opAdd // (T, U) -> V
	opSub
	opMul
	opDiv
	opMod
	opNeg

	// Text. The second argument is a constant unless said.
	opStartsWith // (string, string any) -> bool
	opEndsWith   // (string, string any) -> bool
	opContains   // (string, string any) -> bool
	opMatches    // (string) -> bool; regex
	opLike       // (string) -> bool; regex made from the pattern
	opEqualFold  // (string, string any) -> bool: iequals, Unicode simple folding
	opSize       // (string | bytes | list | map) -> int
	opLower      // (string) -> string, ASCII
	opUpper      // (string) -> string, ASCII
	opTrim       // (string) -> string

	opNative // (scalars ...) -> typ: the function of name in natives
	opSplit  // (string, string any) -> list(string)
	opJoin   // (list(string), string any) -> string

	// Conversions.
	opToInt // (T) -> int
	opToUint
	opToDouble
	opToString
	opToBool
	opToTimestamp
	opToDuration
	opToDate // (string | timestamp, in zone) -> date

	// Calendar, in zone.
	opYear  // (timestamp | date) -> int; month, day, weekday are 1-based, weekday ISO
	opMonth // the 0-based accessors of CEL (getMonth ...) are lowered to these and arithmetic
	opDay   // of the month
	opWeekday
	opYearDay // 1-based
	opHour
	opMinute
	opSecond
	opMillisecond
	opDaysBetween // (date, date) -> int
	opAgeYears    // (date, date constant) -> int: completed years; 29 February counts from 1 March
	opAddDays     // (date | timestamp, int) -> the same; civil days in zone
	opAddMonths   // (date | timestamp, int) -> the same; clamped to the month's end

	// Lists, maps, structs. The body of a comprehension sees the element as opElement(depth).
	opIndex     // (list(T), int) -> T
	opField     // (struct) -> T: unknown when the struct or the field is null
	opKey       // (map) -> T: unknown when the map is null or the key missing
	opExists    // (list) -> bool; body
	opAll       // (list) -> bool; body
	opExistsOne // (list) -> bool; body; when a body is neither true nor false the answer is the last such one's
	opCount     // (list) -> int; body: how many elements answer true; a failing body is an error, an unknown one not counted
	opSum       // (list) -> int, uint, double; body: elements whose body is unknown do not count. lit.Int: 1 + the places of decimals
	opAvg       // (list) -> double; the same; unknown for none
	opMin       // (list) -> T; body T; unknown for none
	opMax

	// Splits by hash (RULES.md 6.2). args[0] is the key's canonical text; lit.String is the salt.
	opHashSplit // (string) -> bool; lit.Double is the fraction
	opBucket    // (string) -> int; lit.Int is how many buckets
	opVariant   // (string) -> string; set has the variants (String) and their weights (Double), sorted

	// Population functions (RULES.md 6.2): over is looked at for all users of the snapshot, before any row is answered.
	opQuantile // () -> double: the least value that a share lit.Double of the users do not exceed; unknown where nobody has a value
	opMean     // () -> double; unknown where nobody has a value
	opRank     // (T) -> int: 1 and how many users have more
	opNtile    // (T) -> int: the group, of lit.Int, that the value falls into
	opTop      // (T, string: the user id) -> bool: one of the lit.Int largest

	// Anything else that the checker accepts, by cel-go's interpreter, row by row. args are opColumn nodes, whose arrays
	// interp reads itself, then nodes of kind bool. typ is neither list, map nor struct.
	opInterpreted // (columns ..., bools ...) -> typ; interp
)
