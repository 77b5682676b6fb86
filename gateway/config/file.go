package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"go.yaml.in/yaml/v4"
)

// maxFile bounds the configuration file and Faveo's .env, in bytes.
const maxFile = 1 << 20

// readLimited returns the content of a file of at most limit bytes. Its error
// tells the reason without the name, see ReadSecretFile for why.
func readLimited(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, unnamed(err)
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, unnamed(err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("larger than %d bytes", limit)
	}
	return data, nil
}

// unnamed takes the operation and the name out of an error of package os.
func unnamed(err error) error {
	if pathError, ok := errors.AsType[*os.PathError](err); ok {
		return pathError.Err
	}
	return err
}

// readFile reads the YAML file into settings. It reports false when the file
// cannot be read as one YAML document at all.
func (l *loader) readFile(name string) (settings, bool) {
	given := settings{}
	if name == "" {
		return given, true
	}
	data, err := readLimited(name, maxFile)
	if err != nil {
		l.fault(Fault{Source: name, Message: "cannot be read: " + err.Error()})
		return given, false
	}
	root, fault := parseYAML(data)
	if fault != nil {
		fault.Source = name
		l.fault(*fault)
		return given, false
	}
	if root != nil {
		w := walker{loader: l, source: name, into: given}
		w.section(root, "")
	}
	return given, true
}

// parseYAML returns the root of the only document, nil when there is nothing
// but comments.
func parseYAML(data []byte) (*yaml.Node, *Fault) {
	loader, err := yaml.NewLoader(bytes.NewReader(data), yaml.WithV4Defaults())
	if err != nil {
		return nil, &Fault{Message: "cannot be read as YAML"}
	}
	var document, second yaml.Node
	switch err := loader.Load(&document); {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, syntaxFault(err, data)
	}
	switch err := loader.Load(&second); {
	case err == nil:
		return nil, &Fault{Line: second.Line, Message: "a second document begins here; one file is one document"}
	case !errors.Is(err, io.EOF):
		return nil, syntaxFault(err, data)
	}
	if len(document.Content) == 0 || isNull(document.Content[0]) {
		return nil, nil
	}
	return document.Content[0], nil
}

// syntaxFault keeps of a YAML error what cannot show a value. Only the scanner and
// the parser speak of syntax alone; the other stages quote the text that they
// stumbled over.
func syntaxFault(err error, data []byte) *Fault {
	loadError, ok := errors.AsType[*yaml.LoadError](err)
	if !ok {
		return &Fault{Message: "is not valid YAML"}
	}
	message := "is not valid YAML"
	switch text := loadError.Message; {
	case strings.Contains(text, "anchor"), strings.Contains(text, "alias"):
		message += ": anchors and aliases are not supported; put a text that begins with & or * in quotes"
	case strings.Contains(text, "tag"):
		message += ": tags are not supported; put a text that begins with ! in quotes"
	case loadError.Stage == yaml.ReaderStage:
		message += ": it is not UTF-8, or contains a control character"
	case loadError.Stage == yaml.ScannerStage, loadError.Stage == yaml.ParserStage:
		message += ": " + text
	}
	line := loadError.Mark.Line
	if line == 0 { // the reader knows bytes, not lines
		line = 1 + bytes.Count(data[:min(loadError.Mark.Index, len(data))], []byte("\n"))
	}
	return &Fault{Line: line, Message: message}
}

// isNull reports whether the node is a key without a value.
func isNull(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null"
}
