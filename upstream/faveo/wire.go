package faveo

import (
	"math"
	"strconv"
	"strings"

	"faveo-gateway/upstream/laravel"
)

// notAvailable is what the email accessor says in place of a falsy address (lang.not-available, always English here).
const notAvailable = "Not available"

// AppendLogin appends the whole body of a successful login, {"token":…,"user_id":…}, byte for byte as the user's version
// of Faveo writes it: user_id is the user object, in v1.9 the bare id. It may read the profile picture from disk.
// The error, a token that is not UTF-8, leaves dst as it was.
func (db *DB) AppendLogin(dst []byte, token string, u *User) ([]byte, error) {
	out, err := laravel.AppendJSONString(append(dst, `{"token":`...), token)
	if err != nil {
		return dst, err
	}
	out = append(out, `,"user_id":`...)
	if u.version.Shape == Shape19 {
		return append(strconv.AppendUint(out, u.ID, 10), '}'), nil
	}
	if out, err = db.appendObject(out, u); err != nil {
		return dst, err
	}
	return append(out, '}'), nil
}

// AppendUser appends {"user":{…}}, the body of GET api/v1/authenticate/user. It may read the profile picture from disk.
// On an error dst is as it was.
func (db *DB) AppendUser(dst []byte, u *User) ([]byte, error) {
	out, err := db.appendObject(append(dst, `{"user":`...), u)
	if err != nil {
		return dst, err
	}
	return append(out, '}'), nil
}

// appendObject prints the row in table order without the columns that Faveo hides.
func (db *DB) appendObject(dst []byte, u *User) ([]byte, error) {
	dst = append(dst, '{')
	separate := false
	for _, c := range u.row {
		if isHidden(c.column) {
			continue
		}
		if separate {
			dst = append(dst, ',')
		}
		separate = true
		var err error
		if dst, err = laravel.AppendJSONString(dst, c.column); err != nil {
			return nil, err
		}
		if dst, err = appendValue(append(dst, ':'), db.shown(u, c)); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

// isHidden compares without case: in PHP a column named Password would slip through User::$hidden.
func isHidden(column string) bool {
	return strings.EqualFold(column, "password") || strings.EqualFold(column, "remember_token")
}

// shown is a column's value after the accessors of Faveo's User model (contract section 1, the table's remarks).
func (db *DB) shown(u *User, c cell) any {
	text, isText := c.value.(string)
	switch c.column {
	case "user_name", "first_name", "last_name":
		if u.version.Shape == Shape2 || u.version.Shape == Shape111 {
			return laravel.StripTags(text)
		}
	case "email":
		if falsy(c.value) {
			return notAvailable
		}
	case "profile_pic":
		if falsy(c.value) {
			return gravatar(u.row.text("email"))
		}
		return readPicture(db.options.PublicPath, text)
	case "internal_note":
		if db.options.HideInternalNote && u.Role != "admin" && u.Role != "agent" {
			return nil
		}
	case "created_at", "updated_at":
		if isText {
			return timestamp(text, u.version.Shape)
		}
	}
	return c.value
}

// falsy is PHP's !$value for what a text column can hold.
func falsy(value any) bool { return value == nil || value == "" || value == "0" }

func appendValue(dst []byte, value any) ([]byte, error) {
	switch v := value.(type) {
	case int64:
		return strconv.AppendInt(dst, v, 10), nil
	case float64:
		return appendFloat(dst, v), nil
	case string:
		return laravel.AppendJSONString(dst, v)
	}
	return append(dst, "null"...), nil
}

// appendFloat prints a number as json_encode does with serialize_precision -1: the shortest digits that read back as
// the same number, in fixed notation while the decimal point is within 17 digits and not more than three zeros behind
// the front, else as 1.0e+25. What JSON cannot hold is null.
func appendFloat(dst []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(dst, "null"...)
	}
	scientific := strconv.FormatFloat(f, 'e', -1, 64)
	mantissa, exponent, _ := strings.Cut(scientific, "e")
	power, err := strconv.Atoi(exponent)
	if err != nil || f == 0 || (power >= -4 && power < 17) {
		return strconv.AppendFloat(dst, f, 'f', -1, 64)
	}
	if !strings.Contains(mantissa, ".") {
		mantissa += ".0"
	}
	dst = append(append(dst, mantissa...), 'e')
	if power > 0 {
		dst = append(dst, '+')
	}
	return strconv.AppendInt(dst, int64(power), 10)
}
