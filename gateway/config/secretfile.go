package config

import (
	"errors"
	"strings"
)

// maxSecretFile bounds a file that holds a Secret, in bytes.
const maxSecretFile = 64 << 10

var errEmptyFile = errors.New("the file is empty")

// ReadSecretFile returns the text of a file that holds a secret: its content of at
// most 64 KiB without the one line break that editors add, never empty.
//
// Its error never shows the name of the file. Who gives the secret itself where the
// name of its file belongs would otherwise find it in the log.
func ReadSecretFile(name string) (string, error) {
	if name == "" {
		return "", errors.New("names no file")
	}
	data, err := readLimited(name, maxSecretFile)
	if err != nil {
		return "", errors.New("the file cannot be read: " + err.Error())
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	if text == "" {
		return "", errEmptyFile
	}
	return text, nil
}

// readSecretItems returns the texts of the file that s names: its one text, or for a
// list one per line without the empty ones. Its error is as that of ReadSecretFile.
func readSecretItems(s setting) ([]item, error) {
	text, err := ReadSecretFile(s.items[0].text)
	if err != nil {
		return nil, err
	}
	if !s.key.list {
		return []item{{text: text}}, nil
	}
	var items []item
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			items = append(items, item{text: line})
		}
	}
	if len(items) == 0 {
		return nil, errEmptyFile
	}
	return items, nil
}
