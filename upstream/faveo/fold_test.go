package faveo_test

import (
	"context"
	"regexp"
	"strings"
	"testing"
	"time"

	"faveo-gateway/gateway/storetest/service"
	"faveo-gateway/upstream/faveo"
	"faveo-gateway/upstream/faveo/faveotest"
)

// spellings are names of which a collation takes some for equal.
func spellings() []string {
	return []string{
		"alice", "ALICE", "Alice", "Álice", "a\u0301lice", "ａｌｉｃｅ", "alice ", "alice   ", " alice", "alice\u00a0", "alice\u3000",
		"alice\u200b", "al\u200bice", "alice \u200b", "alice\u200b \u200d ", "alice\u00ad", "alice\t", "alice\n", "alice \t", "alice\x01", "\x01alice", "alice\x7f",
		"alicé", "alice\u0301", "alice\u0301 ", "alicea", "alic", "alice.", "alice. ", "alice🙂", "alice🙃", "alice🙂 ", "🙂", "ali¢e",
		"straße", "strasse", "STRASSE", "straẞe", "ßß", "ssss", "æ", "ae", "ﬁ", "fi", "İ", "i", "ı", "I", "ǆ", "dž", "ñ", "n", "N\u0303",
		"李", "李 ", "اب", "ابـ", "ا", "0", "٠", "０", "-", "_", "%", "\\", "'", "?", "??", " ", "  ", "\u200b", "\t", "a b", "a  b", "ab",
		strings.Repeat("x", 255), strings.Repeat("x", 254) + "y", strings.Repeat("X", 255),
		strings.Repeat("é", 255), strings.Repeat("e", 255),
	}
}

// TestFoldName asks the column which of two spellings it takes for equal, and holds the digests to that, under the
// collations that Faveo's tables have or may have been given.
func TestFoldName(t *testing.T) {
	for _, columns := range []string{
		"utf8mb4 COLLATE utf8mb4_unicode_ci", "utf8mb3 COLLATE utf8mb3_unicode_ci", "utf8mb4 COLLATE utf8mb4_general_ci",
		"utf8mb4 COLLATE utf8mb4_unicode_520_ci", "utf8mb4 COLLATE utf8mb4_unicode_nopad_ci", "utf8mb4 COLLATE utf8mb4_bin",
		"utf8mb4 COLLATE uca1400_as_cs", "utf8mb4 COLLATE uca1400_ai_ci", "latin1 COLLATE latin1_swedish_ci", "latin1 COLLATE latin1_german2_ci",
	} {
		t.Run(columns, func(t *testing.T) {
			d := faveotest.New(t)
			d.Exec(t, "ALTER TABLE users MODIFY user_name VARCHAR(255) CHARACTER SET "+columns)
			db := open(t, d, faveo.Options{})
			digests := map[string]string{}
			for i, name := range spellings() {
				digests[name] = fold(t, db, name)
				d.Exec(t, "INSERT INTO users (id, user_name, active) VALUES (?, ?, 1)", 1000+i, name)
			}
			var pairs, equal int
			for _, p := range pairsOf(t, d) {
				one, other := digests[p.one], digests[p.other]
				if one == "" || other == "" {
					continue // The column could not hold it: something else is stored.
				}
				pairs++
				if p.equal {
					equal++
				}
				if (one == other) != p.equal {
					t.Errorf("%q and %q: one digest is %v, equal for the column is %v", p.one, p.other, one == other, p.equal)
				}
			}
			if pairs < 900 || equal < 50 {
				t.Errorf("of %d pairs %d are equal: the comparison proves nothing", pairs, equal)
			}
		})
	}
}

type pair struct {
	one, other string
	equal      bool
}

// pairsOf compares all stored spellings with one another by the column.
func pairsOf(t *testing.T, d *faveotest.Database) (pairs []pair) {
	t.Helper()
	rows, err := service.MariaDB(t).QueryContext(t.Context(), "SELECT a.user_name, b.user_name, a.user_name = b.user_name FROM "+
		d.Name+".users a, "+d.Name+".users b WHERE a.id >= 1000 AND b.id >= 1000")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var p pair
		if err := rows.Scan(&p.one, &p.other, &p.equal); err != nil {
			t.Fatal(err)
		}
		pairs = append(pairs, p)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return pairs
}

// fold returns the digest of a name, which has the form that the room promises.
func fold(t *testing.T, db *faveo.DB, name string) string {
	t.Helper()
	digest, err := db.FoldName(t.Context(), name)
	if err != nil || !regexp.MustCompile("^[0-9a-f]{32}$").MatchString(digest) {
		t.Fatalf("FoldName(%q) = %q, %v", name, digest, err)
	}
	return digest
}

// TestFoldNameOfAddresses: an address is folded by the other column, and never equals a user name.
func TestFoldNameOfAddresses(t *testing.T) {
	d := faveotest.New(t)
	d.Exec(t, "ALTER TABLE users MODIFY user_name VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
	db := open(t, d, faveo.Options{})
	if fold(t, db, "Alice@example.test") != fold(t, db, "alice@EXAMPLE.test") {
		t.Error("the case of an address counts, though it does not for the column")
	}
	if fold(t, db, "Alice") == fold(t, db, "alice") {
		t.Error("the case of a user name does not count, though it does for the column")
	}
	if fold(t, db, "alice@example.test") == fold(t, db, "ａlice@example.test") {
		t.Error("a user name that looks like an address has its digest")
	}
}

// TestFoldNameOfImpossibleNames: what no column can hold has a digest, too, and no account's.
func TestFoldNameOfImpossibleNames(t *testing.T) {
	d := faveotest.New(t)
	d.Exec(t, "ALTER TABLE users CONVERT TO CHARACTER SET utf8mb3 COLLATE utf8mb3_unicode_ci")
	failures := 0
	db := open(t, d, faveo.Options{Observe: func(_ context.Context, _ string, _ time.Duration, err error) {
		if err != nil {
			failures++
		}
	}})
	seen := map[string]string{fold(t, db, "alice"): "alice", fold(t, db, "alice?"): "alice?"}
	for _, name := range []string{
		"", "alice\x00", "al\xff\xfeice", "alice\xed\xa0\x80", "alice🙂", "alice🙃", "🙂@example.test",
		strings.Repeat("a", 1021), strings.Repeat("a", 1<<20), strings.Repeat("🙂", 255),
	} {
		digest := fold(t, db, name)
		if other, ok := seen[digest]; ok {
			t.Errorf("%.20q and %.20q have one digest", name, other)
		}
		seen[digest] = name
	}
	if failures > 0 {
		t.Errorf("%d names that a client chose were reported as faults of the database", failures)
	}
}

// TestFoldNameInSQLite folds as the lookup does there.
func TestFoldNameInSQLite(t *testing.T) {
	db := openURL(t, sqliteDatabase(t), faveo.Options{})
	if fold(t, db, "DemoAdmin") != fold(t, db, "demoadmin") || fold(t, db, "demoadmin ") == fold(t, db, "demoadmin") || fold(t, db, "É") == fold(t, db, "é") {
		t.Error("the digests do not fold as NOCASE does")
	}
}
