package deploy_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"faveo-gateway/gateway/cli"
)

// TestCommandsExist asks the gateway for help on every command line in the documents
// that begins with its name: a command or a flag that does not exist is refused.
func TestCommandsExist(t *testing.T) {
	seen := 0
	for path, text := range documents(t) {
		for _, line := range commandLines(text) {
			seen++
			args := split(line)
			words := args[:len(args):len(args)]
			if i := slices.IndexFunc(words, func(w string) bool { return !regexp.MustCompile(`^[a-z]+$`).MatchString(w) }); i >= 0 {
				words = words[:i]
			}
			code, out := help(t, args...)
			if code != 0 { // The last flag may want a value, which prose does not give.
				code, out = help(t, append(args, "value")...)
			}
			if used := usage(out); code != 0 || !slices.Equal(used, words[:min(len(used), len(words))]) || len(used) < min(len(words), 1) {
				t.Errorf("%s: faveo-gateway %s: exit %d, usage of %v\n%s", path, line, code, used, out)
			}
		}
	}
	if seen < 30 {
		t.Errorf("found %d command lines in all documents", seen)
	}
}

// TestEveryCommandIsInTheManual: what the gateway offers has a row.
func TestEveryCommandIsInTheManual(t *testing.T) {
	manual, err := os.ReadFile(filepath.Join("docs", "commands.md"))
	if err != nil {
		t.Fatal(err)
	}
	all := offered(t)
	if len(all) < 15 {
		t.Fatalf("the gateway offers %v", all)
	}
	for _, command := range all {
		if !regexp.MustCompile("`" + command + "[ `]").Match(manual) {
			t.Errorf("commands.md has no `%s`", command)
		}
	}
}

// offered are the commands that do something, as "keys rotate".
func offered(t *testing.T, group ...string) (all []string) {
	t.Helper()
	_, out := help(t, group...)
	_, list, found := strings.Cut(out, "Available Commands:\n")
	if !found {
		return []string{strings.Join(group, " ")}
	}
	list, _, _ = strings.Cut(list, "\n\n")
	for line := range strings.Lines(list) {
		if name := strings.Fields(line)[0]; name != "help" && name != "completion" {
			all = append(all, offered(t, append(slices.Clone(group), name)...)...)
		}
	}
	return all
}

// help runs the gateway with --help behind the arguments, which does nothing but
// judge them.
func help(t *testing.T, args ...string) (code int, out string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = cli.Run(t.Context(), cli.Process{Args: append(slices.Clone(args), "--help"), Stdout: &stdout, Stderr: &stderr})
	return code, stdout.String() + stderr.String()
}

// usage are the words of the command that a help is about.
func usage(help string) (words []string) {
	_, after, _ := strings.Cut(help, "Usage:\n")
	line, _, _ := strings.Cut(after, "\n")
	for _, word := range strings.Fields(line)[min(1, len(strings.Fields(line))):] {
		if !regexp.MustCompile(`^[a-z]+$`).MatchString(word) {
			break
		}
		words = append(words, word)
	}
	return words
}

// commandLines are the command lines of the gateway in a text, without its name:
// those in code or behind a prompt, up to what the shell would not pass on.
func commandLines(text string) (lines []string) {
	text = strings.ReplaceAll(text, "\\\n", " ")
	begins := regexp.MustCompile("(?m)(?:^[ $]*|`|exec gateway |deploy/faveo-gateway -- |&& )(?:\\S*=\\S+ )*(?:\\./|/)?faveo-gateway ([^\n`]*)")
	for _, found := range begins.FindAllStringSubmatch(text, -1) {
		line := regexp.MustCompile(`\s*(\||>|&&|;|  #).*$`).ReplaceAllString(found[1], "")
		if regexp.MustCompile(`^[a-z]`).MatchString(line) && !strings.ContainsAny(line, "…") {
			lines = append(lines, line)
		}
	}
	return lines
}

// split cuts a line into words as a shell would, as far as the documents need it.
func split(line string) (words []string) {
	for _, found := range regexp.MustCompile(`'[^']*'|"[^"]*"|[^\s'"]+`).FindAllString(line, -1) {
		word := strings.Trim(found, `'"`)
		switch word { // What stands for a number, or for a line of `audit verify`.
		case "N":
			word = "2"
		case "N:HASH":
			word = "2:" + strings.Repeat("0", 64)
		}
		words = append(words, word)
	}
	return words
}
