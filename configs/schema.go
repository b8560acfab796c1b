package configs

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"reflect"
	"strings"
	"unicode"

	"github.com/invopop/jsonschema"
	"go.yaml.in/yaml/v3"
)

// The schemas' own addresses.
const (
	schemaID      = "https://strata/schema/strata.yaml.json"
	suiteSchemaID = "https://strata/schema/strata_test.yaml.json"
)

// configSource is the text of config.go: its comments are the schema's descriptions. So each key is described once, where a
// reader of the Go code looks for it, and not a second time in a struct tag or a page that would grow apart.
//
//go:embed config.go
var configSource string

// suiteSource is the text of suite.go, for the same reason.
//
//go:embed suite.go
var suiteSource string

// Schema returns the JSON Schema (draft 2020-12) of the configuration file, generated from the structs, for editors and
// `strata schema`. Keys of later versions are not in it.
func Schema() ([]byte, error) {
	return schemaOf(&Config{}, reflect.TypeFor[Config](), configSource, schemaID, "strata.yaml", map[string]*jsonschema.Schema{"Rule": ruleSchema()})
}

// SuiteSchema returns the JSON Schema of test files.
func SuiteSchema() ([]byte, error) {
	return schemaOf(&Suite{}, reflect.TypeFor[Suite](), suiteSource, suiteSchemaID, "strata_test.yaml", nil)
}

// schemaOf generates the schema of a file from the struct that it is decoded into, whose comments are in source.
func schemaOf(file any, t reflect.Type, source, id, title string, defs map[string]*jsonschema.Schema) ([]byte, error) {
	comments, err := readComments(source)
	if err != nil {
		return nil, fmt.Errorf("generate the schema: %w", err)
	}
	r := &jsonschema.Reflector{
		FieldNameTag: "yaml", Anonymous: true, ExpandedStruct: true, RequiredFromJSONSchemaTags: true,
		Mapper: mapped,
		LookupComment: func(t reflect.Type, field string) string {
			return comments[strings.TrimSuffix(t.Name()+"."+field, ".")]
		},
	}
	s := r.Reflect(file)
	s.ID, s.Title = jsonschema.ID(id), title
	refine(s, t, s.Definitions)
	maps.Copy(s.Definitions, defs)
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("generate the schema: %w", err)
	}
	return append(text, '\n'), nil
}

// mapped gives the schemas of types that are written in another shape than Go holds them.
func mapped(t reflect.Type) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[Expr]():
		return &jsonschema.Schema{Ref: "#/$defs/Rule"}
	case reflect.TypeFor[Limit]():
		return &jsonschema.Schema{Type: "string", Pattern: `^([0-9]+(\.[0-9]*)?|\.[0-9]+)%$|^none$`}
	case reflect.TypeFor[Days]():
		return &jsonschema.Schema{Type: "string", Pattern: daysPattern.String()}
	case reflect.TypeFor[Moves]():
		one := uint64(1)
		return &jsonschema.Schema{Type: "array", MinItems: &one, UniqueItems: true, Items: &jsonschema.Schema{Type: "string", Pattern: movePattern}}
	case reflect.TypeFor[laterPart](), reflect.TypeFor[Value]():
		return &jsonschema.Schema{}
	case reflect.TypeFor[Day](), reflect.TypeFor[Instant]():
		return &jsonschema.Schema{Type: "string"}
	case reflect.TypeFor[Texts]():
		return &jsonschema.Schema{Type: "object", AdditionalProperties: &jsonschema.Schema{Type: "string"}}
	case reflect.TypeFor[Names]():
		return &jsonschema.Schema{Type: "array", UniqueItems: true, Items: &jsonschema.Schema{Type: "string"}}
	case reflect.TypeFor[Users]():
		return &jsonschema.Schema{Type: "array", Items: &jsonschema.Schema{Type: "object"}}
	}
	return nil
}

// ruleHelp is what editors show of a rule.
const ruleHelp = `A condition in CEL; or a list of conditions below all (every one is true) or any (at least one is).

- Compare: == != < <= > >=, x in ["a", "b"], x.like("a%"). Join: && || ! and c ? a : b.
- Null is unknown, and unknown is no member. x == null and x != null test for it, coalesce(x, 0) replaces it.
- Time: within(t, "30d"), older_than(t, "6mo"), days_since(t), month(t), now, today.
- Lists: "vip" in tags, tags.exists(t, t == "vip"), orders.count(o, o.amount > 10).
- Other definitions: segment("vip"), a trait's name, x in file("ids.txt").

All functions: rules/docs/language.md; for those who know SQL: rules/docs/from-sql.md; null: rules/docs/null.md.`

// ruleSchema is a rule: text, or all: or any: with a list of rules.
func ruleSchema() *jsonschema.Schema {
	list := func(key string) *jsonschema.Schema {
		s := &jsonschema.Schema{Type: "object", AdditionalProperties: jsonschema.FalseSchema, Required: []string{key}}
		s.Properties = jsonschema.NewProperties()
		one := uint64(1)
		s.Properties.Set(key, &jsonschema.Schema{Type: "array", MinItems: &one, Items: &jsonschema.Schema{Ref: "#/$defs/Rule"}})
		return s
	}
	one := uint64(1)
	return &jsonschema.Schema{
		Description: ruleHelp,
		Extras:      map[string]any{"markdownDescription": ruleHelp},
		Examples:    []any{"ltv > 800", `country == "FR" && age >= 18`, `"vip" in tags`, `within(last_seen_at, "30d")`, "last_order_at == null"},
		OneOf:       []*jsonschema.Schema{{Type: "string", MinLength: &one}, list("all"), list("any")},
	}
}

// refine adds to a struct's schema, and to those of the structs below, what its own tags say.
func refine(s *jsonschema.Schema, t reflect.Type, defs jsonschema.Definitions) {
	for f := range t.Fields() {
		key := f.Tag.Get("yaml")
		property, ok := s.Properties.Get(key)
		if !ok {
			continue
		}
		if isLater(f) {
			s.Properties.Delete(key)
			continue
		}
		if f.Tag.Get("required") != "" {
			s.Required = append(s.Required, key)
		}
		refineProperty(property, t, f)
		elem := f.Type
		if elem.Kind() == reflect.Slice {
			elem = elem.Elem()
		}
		if def := defs[elem.Name()]; def != nil && len(def.Required) == 0 {
			refine(def, elem, defs)
		}
	}
}

// refineProperty gives one property its choices, pattern and shape.
func refineProperty(p *jsonschema.Schema, t reflect.Type, f reflect.StructField) {
	for _, choice := range strings.Fields(f.Tag.Get("choices")) {
		target := p
		if p.Items != nil {
			target = p.Items
		}
		target.Enum = append(target.Enum, choice)
	}
	if sample := f.Tag.Get("sample"); sample != "" {
		var value any
		if err := yaml.Unmarshal([]byte(sample), &value); err != nil {
			panic(err) // config.go wrote it, and a test reads all of them
		}
		defer func() { p.Examples = append(p.Examples, value) }() // the cases below may make the property anew
	}
	one := uint64(1)
	switch f.Type {
	case reflect.TypeFor[string]():
		p.MinLength = &one
	case reflect.TypeFor[[]string]():
		p.UniqueItems = true
	case reflect.TypeFor[Duplicates]():
		*p = jsonschema.Schema{Description: p.Description, OneOf: []*jsonschema.Schema{{Const: KeepNone}, {Ref: p.Ref}}}
	case reflect.TypeFor[SegmentGuards]():
		*p = jsonschema.Schema{Description: p.Description, OneOf: []*jsonschema.Schema{{Const: "none"}, {Ref: p.Ref}}}
	case reflect.TypeFor[[]ColumnDecl]():
		names := &jsonschema.Schema{Pattern: identifierPattern.String()}
		*p = jsonschema.Schema{Description: p.Description, Type: "object", PropertyNames: names, AdditionalProperties: p.Items}
	}
	if f.Name == "Name" && t != reflect.TypeFor[Case]() { // a case has a sentence for a name
		p.Pattern = namePattern.String()
		if t == reflect.TypeFor[Trait]() {
			p.Pattern = identifierPattern.String()
		}
	}
}

// readComments returns the comments on the types and fields of a Go file, by Type and Type.Field, each in one line.
func readComments(text string) (map[string]string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), "config.go", text, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	comments := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		decl, ok := n.(*ast.GenDecl)
		if !ok || decl.Tok != token.TYPE {
			return true
		}
		spec, _ := decl.Specs[0].(*ast.TypeSpec)
		name := spec.Name.Name
		comments[name] = sentence(strings.TrimPrefix(decl.Doc.Text(), name+" is "))
		if fields, ok := spec.Type.(*ast.StructType); ok {
			for _, f := range fields.Fields.List {
				comments[name+"."+f.Names[0].Name] = sentence(f.Doc.Text())
			}
		}
		return false
	})
	return comments, nil
}

// sentence puts a comment into one line that begins with a capital, or with a word of the YAML file.
func sentence(comment string) string {
	words := strings.Join(strings.Fields(comment), " ")
	if word, _, ok := strings.Cut(words, " "); ok && !strings.HasSuffix(word, ":") {
		runes := []rune(words)
		runes[0] = unicode.ToUpper(runes[0])
		return string(runes)
	}
	return words
}
