package rules

// What rules have from CEL, and what the front end turns into something else before CEL sees it: operators, macros and functions
// without a binding of ours. They stand in the same reference as our own.

// celFunctions are made once, in the order of the documentation.
var celFunctions = func() []*function {
	var all []*function
	for _, group := range [][]*function{logicOfCEL(), timeOfCEL(), textsOfCEL(), numbersOfCEL(), listsOfCEL(), othersOfCEL()} {
		all = append(all, group...)
	}
	return all
}()

func logicOfCEL() []*function {
	return []*function{
		{
			name: "==", topic: topicLogic, covers: []string{"_==_", "_!=_"}, signatures: []string{"a == b", "a != b"}, example: `country == "FR"`,
			doc:   "Whether two values are equal, or differ. Numbers of two kinds are compared exactly.",
			nulls: "a null is neither equal nor different: unknown. x == null and x != null ask for nulls",
		},
		{
			name: "<", topic: topicLogic, covers: []string{"_<_", "_<=_", "_>_", "_>=_"}, signatures: []string{"a < b", "a <= b", "a > b", "a >= b"}, example: `ltv >= 100`,
			doc: "The order of numbers, texts (by character), dates, instants, durations and truth values (false first). NaN is in no order.",
		},
		{
			name: "&&", topic: topicLogic, covers: []string{"_&&_"}, signatures: []string{"bool && bool -> bool"}, example: `country == "FR" && ltv > 100`,
			doc: "Whether both hold. It binds tighter than ||.", nulls: "false where one side is false, whatever the other; else unknown",
		},
		{
			name: "||", topic: topicLogic, covers: []string{"_||_"}, signatures: []string{"bool || bool -> bool"}, example: `country == "FR" || age < 18`,
			doc: "Whether one of them holds.", nulls: "true where one side is true, whatever the other; else unknown",
		},
		{name: "!", topic: topicLogic, covers: []string{"!_"}, signatures: []string{"!bool -> bool"}, example: `!sms_opt_in`, doc: "The opposite."},
		{
			name: "? :", topic: topicLogic, covers: []string{"_?_:_"}, signatures: []string{"bool ? a : b"}, example: `(plan == "free" ? age : 18) >= 18`,
			doc: "The first value where the condition holds, else the second.", nulls: "an unknown condition makes the whole unknown; is_true(c) ? a : b takes the second then",
		},
		{
			name: "in", topic: topicLogic, covers: []string{"@in", "in", "_in_"}, signatures: []string{"a in [b, c]", "a in list(A) -> bool", "string in map(string, A) -> bool"},
			example: `country in ["FR", "DE"]`,
			doc:     "Whether a value is one of those written, an element of a list, or a key of a map.",
			nulls:   "a null value is unknown; of a stored list, elements that are null do not count",
		},
	}
}

func timeOfCEL() []*function {
	of := func(name, example, doc string) *function {
		return &function{name: name, topic: topicParts, zone: "UTC, or the one named", example: example, doc: doc, method: true}
	}
	return []*function{
		{name: "now", topic: topicTime, signatures: []string{"now: timestamp"}, example: `last_seen_at > now - duration("36h")`, doc: "The run's instant: the midnight that ends its date, unless configured or asked for otherwise. Never the clock of the machine."},
		{name: "today", topic: topicTime, signatures: []string{"today: date"}, zone: "the job's", example: `born < today`, doc: "The run's date."},
		of("getFullYear", `last_seen_at.getFullYear("Asia/Tokyo") == 2026`, "The year of an instant in UTC or in a zone; year(x) takes the job's."),
		of("getMonth", `last_seen_at.getMonth() == 10`, "The month, from 0; month(x) counts from 1."),
		of("getDate", `last_seen_at.getDate() == 2`, "The day of the month, from 1; day(x) takes the job's zone."),
		of("getDayOfMonth", `last_seen_at.getDayOfMonth() == 1`, "The day of the month, from 0."),
		of("getDayOfYear", `last_seen_at.getDayOfYear() > 300`, "The day of the year, from 0."),
		of("getDayOfWeek", `last_seen_at.getDayOfWeek() == 0`, "The day of the week, 0 (Sunday) to 6; weekday(x) goes from 1 (Monday) to 7."),
		of("getHours", `last_seen_at.getHours("+05:30") == 14`, "The hour of an instant, or the whole hours of a duration."),
		of("getMinutes", `last_seen_at.getMinutes() == 30`, "The minute of an instant, or the whole minutes of a duration."),
		of("getSeconds", `last_seen_at.getSeconds() == 0`, "The second of an instant, or the whole seconds of a duration."),
		of("getMilliseconds", `last_seen_at.getMilliseconds() == 0`, "The milliseconds of an instant, or those of a duration after its seconds."),
	}
}

func textsOfCEL() []*function {
	of := func(name, example, doc string) *function {
		return &function{name: name, topic: topicText, example: example, doc: doc, method: true}
	}
	return []*function{
		of("startsWith", `email.startsWith("ann")`, "Whether a text begins with another."),
		of("endsWith", `email.endsWith("@corp.com")`, "Whether a text ends with another."),
		of("contains", `email.contains("corp")`, "Whether a text has another in it."),
		of("matches", `email.matches("^[a-z]+@")`, "Whether a regular expression (RE2) is found anywhere in a text; ^ and $ bind it to the ends."),
		of("lowerAscii", `email.lowerAscii() == "bob@corp.com"`, "The text with A to Z in lower case; other letters stay."),
		of("upperAscii", `country.upperAscii() == "FR"`, "The text with a to z in upper case; other letters stay."),
		of("charAt", `country.charAt(0) == "F"`, "The character at a place, from 0; \"\" at the end, an error beyond."),
		of("substring", `email.substring(0, 3) == "ann"`, "The characters from a place, from 0, up to another or to the end; an error where the text does not reach that far."),
		of("indexOf", `email.indexOf("@") == 3`, "Where another text begins first, from a place on, or -1."),
		of("lastIndexOf", `email.lastIndexOf(".") > 8`, "Where another text begins last, up to a place, or -1."),
		of("replace", `email.replace("@corp.com", "") == "cleo"`, "The text with another one replaced wherever it stands, or so many times."),
		of("reverse", `country.reverse() == "RF"`, "The characters backwards."),
		of("split", `email.split("@")[1] == "corp.com"`, "The parts between separators, as a list; of at most so many parts."),
		{name: "strings.quote", topic: topicText, example: `strings.quote(country) == "\"FR\""`, doc: "The text in quotes, as rules write it."},
		{name: "+ of texts", topic: topicText, signatures: []string{"string + string -> string"}, example: `country + "-" + plan == "FR-pro"`, doc: "One text after the other."},
	}
}

func numbersOfCEL() []*function {
	of := func(name, example, doc string) *function {
		return &function{name: name, topic: topicNumber, example: example, doc: doc}
	}
	extreme := func(name, cel, example, doc string) *function {
		return &function{name: name, topic: topicNumber, covers: []string{cel}, signatures: []string{name + "(number, number, ...) -> number"}, example: example, doc: doc}
	}
	return []*function{
		{
			name: "+", topic: topicNumber, covers: []string{"_+_", "_-_", "_*_", "_/_", "_%_", "-_"},
			signatures: []string{"a + b", "a - b", "a * b", "a / b", "int % int -> int", "-a"}, example: `ltv / 2 + 10 > 50`,
			doc: "Arithmetic on numbers of one kind (double(n) makes them so), and on instants and durations. An int that does not fit into 64 bits, and a division of " +
				"ints by 0, is an error; / of ints drops the rest.",
		},
		extreme("math.greatest", "math.@max", `math.greatest(ltv, 100) > 100`, "The largest. NaN is an error."),
		extreme("math.least", "math.@min", `math.least(age, 30) < 30`, "The smallest. NaN is an error."),
		of("math.abs", `math.abs(age - 30) < 5`, "The number without its sign."),
		of("math.sign", `math.sign(ltv) == 1`, "-1, 0 or 1."),
		of("math.ceil", `math.ceil(ltv) == 80`, "The next whole number, upwards."),
		of("math.floor", `math.floor(ltv) == 1250`, "The next whole number, downwards."),
		of("math.round", `math.round(ltv) == 1251`, "The nearest whole number; halves go away from zero."),
		of("math.trunc", `math.trunc(ltv) == 1250`, "The number without what is after the point."),
		of("math.sqrt", `math.sqrt(ltv) > 30`, "The square root; NaN of a negative number."),
		of("math.isNaN", `math.isNaN(ltv)`, "Whether it is not a number."),
		of("math.isInf", `math.isInf(ltv)`, "Whether it is infinite."),
		of("math.isFinite", `math.isFinite(ltv)`, "Whether it is neither infinite nor NaN."),
		{
			name: "math.bitAnd", topic: topicNumber, covers: []string{"math.bitAnd", "math.bitOr", "math.bitXor", "math.bitNot", "math.bitShiftLeft", "math.bitShiftRight"},
			signatures: []string{"math.bitAnd(int, int) -> int", "math.bitOr(int, int) -> int", "math.bitXor(int, int) -> int", "math.bitNot(int) -> int", "math.bitShiftLeft(int, int) -> int", "math.bitShiftRight(int, int) -> int"},
			example:    `math.bitAnd(age, 1) == 1`, doc: "Operations on the bits of whole numbers.",
		},
	}
}

func listsOfCEL() []*function {
	skips := "elements for which it is null do not count; a null list is unknown"
	of := func(name, result, example, doc, nulls string) *function {
		return &function{name: name, topic: topicList, signatures: []string{"list." + name + "(x, " + result}, example: example, doc: doc, nulls: nulls}
	}
	return []*function{
		of("exists", "bool) -> bool", `tags.exists(t, t.startsWith("v"))`, "Whether it holds for an element.", "true where one element answers true; else unknown where one is unknown"),
		of("all", "bool) -> bool", `orders.all(o, o.amount > 5)`, "Whether it holds for all elements; for none at all it does.", "false where one element answers false; else unknown where one is unknown"),
		{
			name: "exists_one", topic: topicList, covers: []string{"existsOne"}, signatures: []string{"list.exists_one(x, bool) -> bool"}, example: `orders.exists_one(o, o.paid)`,
			doc: "Whether it holds for exactly one element.", nulls: "unknown where one element is unknown",
		},
		of("count", "bool) -> int", `orders.count(o, o.amount > 10) >= 2`, "For how many elements it holds.", "elements for which it is unknown do not count; a null list is unknown"),
		of("sum", "number) -> number", `orders.sum(o, o.amount) > 30`, "The sum over the elements; 0 of none. Sums of decimals and doubles are exact and rounded once; an int that does not fit is an error.", skips),
		of("avg", "number) -> double", `orders.avg(o, o.amount) > 15`, "The mean over the elements, rounded once.", skips+"; null of no values"),
		of("min", "value) -> value", `orders.min(o, o.amount) < 10`, "The smallest over the elements: of numbers, texts, dates, instants or durations. NaN does not count.", skips+"; null of no values"),
		of("max", "value) -> value", `within(orders.max(o, o.at), "30d")`, "The largest over the elements.", skips+"; null of no values"),
		of("filter", "bool) -> list", `tags.filter(t, t != "vip").size() > 0`, "The elements for which it holds. list.count(x, p) is faster than filter and size.", "unknown where it is unknown for one element"),
		{
			name: "map", topic: topicList, signatures: []string{"list.map(x, value) -> list", "list.map(x, bool, value) -> list"}, example: `tags.map(t, t.upperAscii()).exists(t, t == "VIP")`,
			doc: "What is made of each element, or of those for which the condition holds.", nulls: "unknown where one element is unknown",
		},
		{
			name: "size", topic: topicList, signatures: []string{"size(list | map | string | bytes) -> int", "list.size() -> int"}, example: `size(tags) >= 2`,
			doc: "How many elements, keys, characters or bytes.", nulls: "a null list is unknown; elements that are null count",
		},
		{
			name: "[ ]", topic: topicList, covers: []string{"_[_]"}, signatures: []string{"list[int]", `map["key"]`}, example: `tags[0] == "vip"`,
			doc: "An element, from 0, or the value under a key. A place that the list does not have is an error.", nulls: "a null list, element or map, and a key that is missing, is unknown",
		},
		{
			name: "join", topic: topicList, method: true, example: `tags.join(",").contains("vip")`, doc: "The texts of a list as one, with a separator between them.",
			nulls: "a null list is unknown; a null among the texts is an error",
		},
	}
}

func othersOfCEL() []*function {
	convert := func(name, example, doc string) *function {
		return &function{name: name, topic: topicConvert, example: example, doc: doc}
	}
	return []*function{
		{
			name: "has", topic: topicNull, signatures: []string{"has(a) -> bool"}, example: `has(address.city)`, doc: "Whether it is not null; the same as != null.", nulls: "never unknown",
		},
		{
			name: "== null", topic: topicNull, signatures: []string{"a == null -> bool", "a != null -> bool"}, example: `country == null`, doc: "Whether it is null, or is not.", nulls: "never unknown",
		},
		{
			name: ".", topic: topicNested, signatures: []string{"struct.field", "map.key"}, example: `address.city == "Paris"`,
			doc: "A field of a struct, or the value under a key of a map; map[\"any key\"] takes every key.", nulls: "a null struct or field, a null map and a missing key are unknown",
		},
		{
			name: "{ }", topic: topicNested, signatures: []string{`{"key": a}`}, example: `{"FR": 18, "US": 21}[country] <= age`, doc: "A map that is written out, as to look something up. A key that it does not have is an error.",
		},
		{
			name: "segment", topic: topicOther, signatures: []string{"segment(string) -> bool"}, example: `!segment("vip") && ltv > 0`,
			doc: "Whether the user is in a segment, in the same run, its lists included.", nulls: "never unknown: who is not known to be in a segment is not in it",
		},
		{
			name: "stage", topic: topicOther, signatures: []string{"stage(string) -> string"}, example: `stage("journey") == "customer"`,
			doc: "The user's stage of a lifecycle, in the same run.", nulls: "null where the user is in no stage",
		},
		{
			name: "was", topic: topicOther, signatures: []string{"was(string) -> bool"}, example: `was("vip") && ltv > 50`,
			doc:   "Whether the user was in a segment when the previous run had ended. The date of that run is the newest before this one's that there is a run for.",
			nulls: "never unknown: false on the first run, and for a user or a segment that is new",
		},
		{
			name: "prev_stage", topic: topicOther, signatures: []string{"prev_stage(string) -> string"}, example: `stage("journey") != prev_stage("journey")`,
			doc: "The user's stage of a lifecycle when the previous run had ended.", nulls: "null where the user was in no stage",
		},
		{
			name: "since", topic: topicOther, signatures: []string{"since(string) -> date"}, example: `days_since(since("vip")) >= 30`,
			doc: "The date since which the user is in a segment, or in the present stage of a lifecycle, without a break, as the previous run left it. " +
				"It may not be compared with columns: the two are joined with && and ||.",
			nulls: "null where the user was not in the segment, or in no stage",
		},
		{
			name: "first_run", topic: topicOther, signatures: []string{"first_run: bool"}, example: `first_run || was("vip")`, doc: "Whether there is no previous run.", nulls: "never unknown",
		},
		{
			name: "file", topic: topicOther, signatures: []string{`a in file("path") -> bool`}, example: `user_id in file("lists/vip.txt")`,
			doc: "Whether a text or a whole number is a line of a file. The path is relative to the configuration; the file's hash is kept with the run.",
		},
		convert("int", `int(ltv) == 1250`, "A whole number of a double (what is after the point is dropped), of a text, or of an instant (seconds since 1970). What does not fit is an error."),
		convert("uint", `uint(age) > 30u`, "A whole number from 0. What does not fit is an error."),
		convert("double", `double(age) / 2 > 16.5`, "A double of a whole number or a text."),
		convert("string", `string(age) + "!" == "34!"`, "A text of a number, a truth value, a date, an instant, a duration or of bytes that are UTF-8."),
		convert("bool", `bool("true")`, "A truth value of a text such as \"true\" or \"false\"."),
		convert("timestamp", `timestamp("2026-11-02T08:30:00Z") == last_seen_at`, "An instant of a text, or of seconds since 1970."),
		convert("duration", `now - last_seen_at < duration("36h")`, "A duration of a text such as \"36h\" or \"90m\". within and older_than take days."),
		convert("bytes", `bytes(country) == b"FR"`, "The UTF-8 bytes of a text."),
		convert("type", `type(age) == int`, "The type of a value."),
	}
}
