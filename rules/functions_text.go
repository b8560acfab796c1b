package rules

import (
	"fmt"
	"math"
	"math/bits"
	"regexp"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"github.com/zeebo/xxh3"
)

func textFunctions() []*function {
	return []*function{
		{name: "like", topic: topicText, example: `email.like("%@corp.com")`, method: true, doc: "Whether the whole text fits a pattern in which % stands for any text and _ for one character.", overloads: []overload{
			over("string_like_string", cel.BoolType, like, cel.StringType, cel.StringType),
		}},
		{name: "iequals", topic: topicText, example: `email.iequals("bob@corp.com")`, method: true, doc: "Whether two texts are equal, upper and lower case aside.", overloads: []overload{
			over("string_iequals_string", cel.BoolType, iequals, cel.StringType, cel.StringType),
		}},
		{name: "trim", topic: topicText, example: `trim(country) == "FR"`, doc: "The text without the white space around it; the same as x.trim().", overloads: []overload{
			over("trim_string", cel.StringType, trimmed, cel.StringType),
		}},
		{name: inFile, internal: true, overloads: []overload{
			over("in_file_string", cel.BoolType, isInFile, cel.StringType, cel.StringType),
			over("in_file_int", cel.BoolType, isInFile, cel.IntType, cel.StringType),
			over("in_file_uint", cel.BoolType, isInFile, cel.UintType, cel.StringType),
		}},
		{name: inUUIDFile, internal: true, overloads: []overload{
			over("in_uuid_file_string", cel.BoolType, isInUUIDFile, cel.StringType, cel.StringType),
		}},
	}
}

// What `x in file("path")` becomes: a call that rules cannot write. Where x is a column of UUIDs, the lines are too.
const (
	inFile     = "in file"
	inUUIDFile = "in uuid file"
)

func like(_ *clockwork, args []ref.Val) ref.Val {
	pattern, err := likePattern(string(args[1].(types.String)))
	if err != nil {
		return types.WrapErr(err)
	}
	return types.Bool(pattern.MatchString(string(args[0].(types.String))))
}

// likePattern is SQL's pattern as a regular expression. A backslash takes the next character for itself.
func likePattern(pattern string) (*regexp.Regexp, error) {
	var b strings.Builder
	b.WriteString(`(?s)\A`)
	escaped := false
	for _, r := range pattern {
		switch {
		case escaped || r != '%' && r != '_' && r != '\\':
			b.WriteString(regexp.QuoteMeta(string(r)))
			escaped = false
		case r == '\\':
			escaped = true
		case r == '%':
			b.WriteString(".*")
		default:
			b.WriteString(".")
		}
	}
	if escaped {
		return nil, fmt.Errorf("the pattern %q ends in a backslash", pattern)
	}
	b.WriteString(`\z`)
	return regexp.Compile(b.String())
}

func iequals(_ *clockwork, args []ref.Val) ref.Val {
	return types.Bool(strings.EqualFold(string(args[0].(types.String)), string(args[1].(types.String))))
}

func trimmed(_ *clockwork, args []ref.Val) ref.Val {
	return types.String(strings.TrimSpace(string(args[0].(types.String))))
}

func isInFile(c *clockwork, args []ref.Val) ref.Val {
	list := c.lists[string(args[1].(types.String))]
	if list == nil {
		return types.NewErr("the list %q was not read", args[1])
	}
	switch v := args[0].(type) {
	case types.String:
		return types.Bool(list.lookup(kindString).texts.has(string(v)))
	case types.Int:
		return types.Bool(list.lookup(kindInt).ints.has(int64(v)))
	case types.Uint:
		return types.Bool(list.lookup(kindUint).uints[uint64(v)])
	}
	return types.MaybeNoSuchOverloadErr(args[0])
}

func isInUUIDFile(c *clockwork, args []ref.Val) ref.Val {
	list := c.lists[string(args[1].(types.String))]
	if list == nil {
		return types.NewErr("the list %q was not read", args[1])
	}
	return types.Bool(list.uuids().lookup(kindString).texts.has(string(args[0].(types.String))))
}

func splitFunctions() []*function {
	return []*function{
		{
			name: "hash_split", topic: topicSplit, example: `hash_split("autumn", 0.5)`, signatures: []string{"hash_split(string, double) -> bool", "hash_split(string, double, string | int | uint) -> bool"}, nulls: "never null without a key; a null key is unknown",
			doc: "Whether the user falls into this fraction (0 to 1) of all users, by a hash of the salt and the user id, or of the salt and " +
				"another key. A larger fraction only adds users.",
			overloads: []overload{
				over("hash_split_string", cel.BoolType, hashSplit, cel.StringType, cel.DoubleType, cel.StringType),
				over("hash_split_int", cel.BoolType, hashSplit, cel.StringType, cel.DoubleType, cel.IntType),
				over("hash_split_uint", cel.BoolType, hashSplit, cel.StringType, cel.DoubleType, cel.UintType),
			},
		},
		{
			name: "bucket", topic: topicSplit, example: `bucket("groups", 10) < 3`, signatures: []string{"bucket(string, int) -> int", "bucket(string, int, string | int | uint) -> int"}, nulls: "never null without a key; a null key is unknown",
			doc: "One of so many equal buckets, from 0, by the same hash.",
			overloads: []overload{
				over("bucket_string", cel.IntType, bucket, cel.StringType, cel.IntType, cel.StringType),
				over("bucket_int", cel.IntType, bucket, cel.StringType, cel.IntType, cel.IntType),
				over("bucket_uint", cel.IntType, bucket, cel.StringType, cel.IntType, cel.UintType),
			},
		},
		{
			name: "variant", topic: topicSplit, example: `variant("welcome", {"A": 45, "B": 45, "C": 10}) == "A"`, signatures: []string{"variant(string, map(string, double)) -> string", "variant(string, map(string, double), string | int | uint) -> string"}, nulls: "never null without a key; a null key is unknown",
			doc: "One of the variants, by a hash of the salt, the variant and the user id (or another key), as often as its weight asks for. A new " +
				"variant takes users from the others and moves nobody between them, as long as their weights keep their ratio. In YAML such a rule stands in single quotes.",
			overloads: []overload{
				over("variant_string", cel.StringType, variant, cel.StringType, weights, cel.StringType),
				over("variant_int", cel.StringType, variant, cel.StringType, weights, cel.IntType),
				over("variant_uint", cel.StringType, variant, cel.StringType, weights, cel.UintType),
			},
		},
	}
}

// weights are what variant takes: the variants by name.
var weights = cel.MapType(cel.StringType, cel.DoubleType)

// splitHash is the hash of a salt, a zero byte and the text of a key.
func splitHash(salt, key ref.Val) uint64 {
	return xxh3.HashString(string(salt.(types.String)) + "\x00" + string(key.ConvertToType(types.StringType).(types.String)))
}

func hashSplit(_ *clockwork, args []ref.Val) ref.Val {
	fraction := float64(args[1].(types.Double))
	if fraction >= 1 {
		return types.True
	}
	scaled := max(fraction, 0) * (1 << 64) // exact: a power of two
	hash, floor := splitHash(args[0], args[2]), uint64(scaled)
	return types.Bool(hash < floor || hash == floor && float64(floor) < scaled)
}

func bucket(_ *clockwork, args []ref.Val) ref.Val {
	place, _ := bits.Mul64(splitHash(args[0], args[2]), uint64(args[1].(types.Int)))
	return types.Int(place)
}

// variant is the one with the least time to wait, where each waits for a random time that its weight makes shorter (rendezvous
// hashing): a change of one weight changes nothing between the others.
func variant(_ *clockwork, args []ref.Val) ref.Val {
	best, least := ref.Val(unknown), math.Inf(1)
	for it := args[1].(traits.Mapper).Iterator(); it.HasNext() == types.True; {
		name := it.Next().(types.String)
		weight := float64(args[1].(traits.Mapper).Get(name).(types.Double))
		share := (float64(splitHash(args[0].(types.String)+"\x00"+name, args[2])>>12) + .5) / (1 << 52)
		wait := -math.Log(share) / weight
		if wait < least || wait < math.Inf(1) && wait == least && name < best.(types.String) {
			best, least = name, wait
		}
	}
	return best
}
