package rules

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"cel.dev/cel-go/cel"
)

// A Topic is a part of the reference of the language: what belongs together.
type Topic struct {
	Name    string
	Entries []Entry
}

// An Entry says all about one function or operator that rules may use.
type Entry struct {
	Name       string
	Signatures []string
	Doc        string
	Nulls      string // what becomes of nulls; empty: where an argument is null, the answer is unknown
	Zone       string // whose time zone counts; empty: none
	Example    string // a rule
}

// Reference is the reference of the language, made of the table that functions are declared from.
func Reference() []Topic { return referenceOnce() }

var referenceOnce = sync.OnceValue(func() []Topic {
	env, err := newEnvironment(nil, nil, nil, &clockwork{zone: time.UTC})
	if err != nil {
		panic(err) // the table is at fault: a bug that any test finds
	}
	var out []Topic
	for _, topic := range topics {
		t := Topic{Name: topic}
		for _, f := range slices.Concat(celFunctions, functionTable) {
			if f.topic == topic && !f.internal {
				t.Entries = append(t.Entries, f.entry(env.env))
			}
		}
		out = append(out, t)
	}
	return out
})

func (f *function) entry(env *cel.Env) Entry {
	e := Entry{Name: f.name, Signatures: f.signatures, Doc: f.doc, Nulls: f.nulls, Zone: f.zone, Example: f.example}
	if len(e.Signatures) > 0 {
		return e
	}
	var overloads []callForm
	for _, o := range env.Functions()[f.name].OverloadDecls() {
		overloads = append(overloads, callForm{o.ArgTypes(), o.ResultType(), o.IsMemberFunction()})
	}
	e.Signatures = spellSignatures(f.name, overloads)
	return e
}

// A callForm is one way to call a function.
type callForm struct {
	args   []*cel.Type
	result *cel.Type
	method bool
}

// resultOf is the result's type, or "the same" as the first argument's.
func (s callForm) resultOf() string {
	if result := cel.FormatCELType(s.result); result != cel.FormatCELType(s.args[0]) {
		return result
	}
	return "the same"
}

// spellSignatures writes signatures that differ in the types of arguments only as one, where all combinations are there.
func spellSignatures(name string, all []callForm) (out []string) {
	for len(all) > 0 {
		like := func(other callForm) bool {
			return len(other.args) == len(all[0].args) && other.method == all[0].method && other.resultOf() == all[0].resultOf()
		}
		group, rest := partition(all, like)
		args, combinations := make([]string, len(all[0].args)), 1
		for i := range args {
			types := typesAt(group, i)
			args[i], combinations = strings.Join(types, " | "), combinations*len(types)
		}
		if combinations != len(group) {
			group, rest = all[:1], all[1:]
			for i, arg := range group[0].args {
				args[i] = cel.FormatCELType(arg)
			}
		}
		result := group[0].resultOf()
		if len(group) == 1 {
			result = cel.FormatCELType(group[0].result)
		}
		out, all = append(out, spellSignature(name, group[0].method, args, result)), rest
	}
	return out
}

func partition(all []callForm, like func(s callForm) bool) (group, rest []callForm) {
	for _, s := range all {
		if like(s) {
			group = append(group, s)
		} else {
			rest = append(rest, s)
		}
	}
	return group, rest
}

// typesAt are the types of an argument, each once.
func typesAt(group []callForm, i int) (types []string) {
	for _, s := range group {
		types = appendNew(types, cel.FormatCELType(s.args[i]))
	}
	return types
}

func spellSignature(name string, method bool, args []string, result string) string {
	if method {
		target := args[0]
		if strings.Contains(target, " | ") {
			target = "(" + target + ")"
		}
		return fmt.Sprintf("%s.%s(%s) -> %s", target, name, strings.Join(args[1:], ", "), result)
	}
	return fmt.Sprintf("%s(%s) -> %s", name, strings.Join(args, ", "), result)
}
