package config

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// envPrefix begins the name of every variable that belongs to the gateway.
const envPrefix = "FAVEO_GATEWAY_"

// Variables of the commands that ask a running gateway: the files by which they trust its
// admin listener, and prove themselves to it. They set no key and may stand beside those
// that do. That of the token is the one of admin.token.
const (
	AdminCAVariable   = envPrefix + "ADMIN_CA"
	AdminCertVariable = envPrefix + "ADMIN_CERT"
	AdminKeyVariable  = envPrefix + "ADMIN_KEY"
)

// isOfCommands says whether a variable is one of those.
func isOfCommands(name string) bool {
	return name == AdminCAVariable || name == AdminCertVariable || name == AdminKeyVariable
}

// envName returns the variable that sets a path.
func envName(path string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(path, ".", "_"))
}

// readEnviron reads the variables of the gateway from entries "NAME=value".
// Of a repeated name the first entry counts, as for the C library.
func (l *loader) readEnviron(environ []string) settings {
	paths := map[string]string{}
	for _, path := range l.schema.paths() {
		paths[envName(path)] = path
	}
	given, seen := settings{}, map[string]bool{}
	for _, entry := range environ {
		name, text, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, envPrefix) || seen[name] {
			continue
		}
		seen[name] = true
		path, known := paths[name]
		switch {
		case known:
			l.textSetting(given, path, text, sourceEnvironment+name)
		case !isServiceLink(name, text) && !isOfCommands(name):
			l.unknownVariable(name, slices.Sorted(maps.Keys(paths)))
		}
	}
	return given
}

// unknownVariable compares names without the prefix, which would make all alike.
func (l *loader) unknownVariable(name string, names []string) {
	rest := strings.TrimPrefix(name, envPrefix)
	if !plainName.MatchString(rest) {
		l.fault(Fault{Source: sourceEnvironment + envPrefix + "…", Message: "unknown variable"})
		return
	}
	for i := range names {
		names[i] = strings.TrimPrefix(names[i], envPrefix)
	}
	suggestion := nearest(rest, names)
	if suggestion != "" {
		suggestion = envPrefix + suggestion
	}
	l.fault(Fault{Source: sourceEnvironment + name, Message: "unknown variable" + didYouMean(suggestion)})
}

// Kubernetes puts the address of every Service into the environment of its
// neighbours. For one that is called faveo-gateway, or faveo-gateway-redis, the
// names begin like ours; what tells them apart is the form of the value.
var (
	serviceName  = regexp.MustCompile(`_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$`)
	servicePort  = regexp.MustCompile(`_PORT$`)
	serviceValue = regexp.MustCompile(`^(tcp|udp|sctp)://`)
)

func isServiceLink(name, value string) bool {
	return serviceName.MatchString(name) || servicePort.MatchString(name) && serviceValue.MatchString(value)
}

// readTexts reads texts by path: flags of the command line, or stand-ins.
func (l *loader) readTexts(texts map[string]string, source string) settings {
	given := settings{}
	for _, path := range slices.Sorted(maps.Keys(texts)) {
		if k, _ := l.schema.find(path); k == nil {
			l.fault(Fault{Source: source, Path: path, Message: "unknown key"})
			continue
		}
		l.textSetting(given, path, texts[path], source)
	}
	return given
}

// textSetting adds the setting that a text outside of a file gives. Only lists
// need a syntax: a flow sequence of YAML, or elements with commas between.
func (l *loader) textSetting(into settings, path, text, source string) {
	k, file := l.schema.find(path)
	s := setting{key: k, path: path, file: file, origin: origin{source: source}}
	switch {
	case file || !k.list:
		s.items = []item{{text: text}}
	case strings.HasPrefix(strings.TrimSpace(text), "["):
		l.flowSetting(into, s, text)
		return
	case text != "" || k.kind == kindSecret:
		for element := range strings.SplitSeq(text, ",") {
			s.items = append(s.items, item{text: strings.TrimSpace(element)})
		}
	}
	into[k] = append(into[k], s)
}

func (l *loader) flowSetting(into settings, s setting, text string) {
	root, fault := parseYAML([]byte(text))
	if fault != nil || root == nil {
		l.broken(s, 0, s.path, "is not a valid YAML list")
		return
	}
	inner := walker{loader: l, source: s.origin.source, into: settings{}}
	before := len(l.faults)
	inner.leaf(s, root)
	for i := range l.faults[before:] {
		l.faults[before+i].Line = 0 // lines inside of a variable mean nothing
	}
	for _, list := range inner.into[s.key] {
		for i := range list.items {
			list.items[i].line = 0
		}
		into[s.key] = append(into[s.key], list)
	}
}
