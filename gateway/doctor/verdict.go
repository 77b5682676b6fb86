package doctor

import (
	"context"
	"fmt"
	"strings"
)

// sprintf formats when there is something to put in: texts of others are no formats.
func sprintf(format string, args []any) string {
	if len(args) == 0 {
		return format
	}
	return fmt.Sprintf(format, args...)
}

func good(format string, args ...any) verdict {
	return verdict{result: Good, found: sprintf(format, args)}
}

func skipped(format string, args ...any) verdict {
	return verdict{result: Skipped, found: sprintf(format, args)}
}

func unwise(advice, format string, args ...any) verdict {
	return verdict{Unwise, sprintf(format, args), advice}
}

func failed(advice, format string, args ...any) verdict {
	return verdict{Failed, sprintf(format, args), advice}
}

// unseen is the verdict of a question that a part which answers did not answer.
func unseen(err error) verdict {
	return unwise("ask by hand; until then take it for wrong", "cannot be seen: %s", plain(err))
}

// asks makes a check of a probe and of what to think of its answer.
func asks[T any](id ID, probe Probe[T], judge func(T) verdict) check {
	return check{id, func(ctx context.Context) verdict {
		answer, err := probe(ctx)
		if err != nil {
			return unseen(err)
		}
		return judge(answer)
	}}
}

// counted is a number with its noun.
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// listed is a list in a sentence.
func listed(texts []string) string { return strings.Join(texts, ", ") }
