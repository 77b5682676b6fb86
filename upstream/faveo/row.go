package faveo

import (
	"context"
	"database/sql"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// row is one row in table order.
type row []cell

// cell is a column and its value as PHP's mysqlnd hands it to Eloquent over the binary protocol:
//
//	nil      NULL; also text that is not UTF-8, which json_encode cannot print: PHP answers 500 to everything about
//	         such a user, here only that column is null
//	int64    all integer types, tinyint(1) and bit included, year
//	float64  double and float (a float rounded to its six digits, as mysqlnd does)
//	string   all the rest: text, decimal, dates, enum, json, blobs that are UTF-8, and integers beyond int64
type cell struct {
	column string
	value  any
}

// readRow runs a query that yields at most one row. ErrNotFound when it yields none.
func (db *DB) readRow(ctx context.Context, query string, argument any) (row, error) {
	rows, err := db.pool.QueryContext(ctx, query, argument)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return nil, err
		}
		return nil, ErrNotFound
	}
	r, err := scanRow(rows)
	if err != nil {
		return nil, err
	}
	return r, rows.Close()
}

func scanRow(rows *sql.Rows) (row, error) {
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	values := make([]any, len(types))
	targets := make([]any, len(types))
	for i := range values {
		targets[i] = &values[i]
	}
	if err := rows.Scan(targets...); err != nil {
		return nil, err
	}
	r := make(row, len(types))
	for i, t := range types {
		r[i] = cell{column: t.Name(), value: phpValue(values[i], t)}
	}
	return r, nil
}

// phpValue turns what the driver gives into what mysqlnd gives; the cases of bool and time.Time are SQLite's.
func phpValue(value any, t *sql.ColumnType) any {
	switch v := value.(type) {
	case []byte:
		if t.DatabaseTypeName() == "BIT" {
			return phpUnsigned(bits(v))
		}
		return phpText(string(v))
	case string:
		return phpText(v)
	case uint64:
		return phpUnsigned(v)
	case float32:
		return roundedFloat(v, t)
	case bool:
		if v {
			return int64(1)
		}
		return int64(0)
	case time.Time:
		return v.UTC().Format(time.DateTime)
	}
	return value
}

func phpText(s string) any {
	if !utf8.ValidString(s) {
		return nil
	}
	return s
}

// phpUnsigned gives text where PHP's integers end.
func phpUnsigned(n uint64) any {
	if n > math.MaxInt64 {
		return strconv.FormatUint(n, 10)
	}
	return int64(n)
}

func bits(b []byte) uint64 {
	var n uint64
	for _, octet := range b {
		n = n<<8 | uint64(octet)
	}
	return n
}

// roundedFloat does what mysqlnd's mysql_float_to_double does: the digits that the column declares, else FLT_DIG.
func roundedFloat(f float32, t *sql.ColumnType) any {
	text := strconv.FormatFloat(float64(f), 'g', 6, 64)
	if _, decimals, ok := t.DecimalSize(); ok && decimals < 31 {
		text = strconv.FormatFloat(float64(f), 'f', int(decimals), 64)
	}
	rounded, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil
	}
	return rounded
}

// cell finds a column; the database compares their names without case, and so do we.
func (r row) cell(column string) (any, bool) {
	for _, c := range r {
		if strings.EqualFold(c.column, column) {
			return c.value, true
		}
	}
	return nil, false
}

// text is the text of a column, "" when it is absent, NULL or not text.
func (r row) text(column string) string {
	value, _ := r.cell(column)
	s, _ := value.(string)
	return s
}

func (r row) integer(column string) (int64, bool) {
	value, _ := r.cell(column)
	n, ok := value.(int64)
	return n, ok
}

// unset says that a mark is 0 or NULL.
func (r row) unset(column string) bool {
	value, _ := r.cell(column)
	return value == nil || value == int64(0)
}
