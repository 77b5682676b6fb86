package faveo

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
)

var timestampForm = regexp.MustCompile(`^(\d{4})-(\d{2})-(\d{2})(?: (\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,6}))?)?$`)

// timestamp prints created_at and updated_at as the version of Laravel does, from the text that the database session
// shows: v2 calls it UTC whatever it is (contract section 1), older versions add nothing.
//
// A zero date becomes what PHP's calendar makes of month 0 and day 0, the last of November of the year -1. A text that
// is no date at all is printed as it is.
func timestamp(text string, shape Shape) string {
	parts := timestampForm.FindStringSubmatch(text)
	if parts == nil {
		return text
	}
	var n [8]int
	for i := 1; i < 7; i++ {
		n[i], _ = strconv.Atoi(parts[i]) // Digits by the expression, or absent and therefore 0.
	}
	t := time.Date(n[1], time.Month(n[2]), n[3], n[4], n[5], n[6], 0, time.UTC)
	clock := t.Format("-01-02 15:04:05")
	if shape != Shape2 {
		return phpYear(t.Year()) + clock
	}
	micros := (parts[7] + "000000")[:6]
	return isoYear(t.Year()) + t.Format("-01-02T15:04:05.") + micros + "Z"
}

// phpYear is date('Y').
func phpYear(year int) string {
	if year < 0 {
		return fmt.Sprintf("-%04d", -year)
	}
	return fmt.Sprintf("%04d", year)
}

// isoYear is Carbon's toISOString: a year below 0 has six digits.
func isoYear(year int) string {
	if year < 0 {
		return fmt.Sprintf("-%06d", -year)
	}
	return fmt.Sprintf("%04d", year)
}
