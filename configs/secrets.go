package configs

import "regexp"

// secretPatterns find what must not be repeated in messages and logs: credentials before the @ of an address, signatures
// and keys in its query, values of keys that are named like secrets. The first group stays.
var secretPatterns = []*regexp.Regexp{
	regexp.MustCompile(`(://)(?:[^/\s'"@:]+:[^@\s'"]+|[^/\s'"@]+)(@)`),
	regexp.MustCompile(`(?i)([?&](?:x-amz-[a-z-]+|x-goog-[a-z-]+|sig|signature|token|access_?key[a-z_]*|secret[a-z_]*|awsaccesskeyid|password|key)=)[^&\s'"*][^&\s'"]*`),
	regexp.MustCompile(`(?i)(\b\w*(?:password|secret|token|credential|access_key|api_key|private_key)\w*["']?:\s+)[^\s*].*`),
}

// redact returns text with secrets replaced by ***.
func redact(text string) string {
	for _, pattern := range secretPatterns {
		text = pattern.ReplaceAllString(text, "${1}***${2}")
	}
	return text
}

// redacted leaves secrets out of everything that the problems will print.
func (ps Problems) redacted() Problems {
	for _, p := range ps {
		p.Source, p.Message, p.Hint = redact(p.Source), redact(p.Message), redact(p.Hint)
	}
	return ps
}
