package config

import (
	"errors"
	"strings"
)

// maxSecretFile bounds a file that holds a Secret, in bytes.
const maxSecretFile = 64 << 10

// readSecretFile returns the texts of the file that s names: its content
// without the one line break that editors add, or for a list one text per line
// without the empty ones.
//
// Its error never shows the name of the file. Who writes the secret itself
// behind `_file` by mistake would otherwise find it in the log.
func readSecretFile(s setting) ([]item, error) {
	if s.items[0].text == "" {
		return nil, errors.New("names no file")
	}
	data, err := readLimited(s.items[0].text, maxSecretFile)
	if err != nil {
		return nil, errors.New("the file cannot be read: " + err.Error())
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	var items []item
	if !s.key.list {
		items = append(items, item{text: text})
	} else {
		for line := range strings.Lines(text) {
			if line = strings.TrimRight(line, "\r\n"); line != "" {
				items = append(items, item{text: line})
			}
		}
	}
	if text == "" || len(items) == 0 {
		return nil, errors.New("the file is empty")
	}
	return items, nil
}
