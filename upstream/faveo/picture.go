package faveo

import (
	"crypto/md5" // The form of a Gravatar address, no security.
	"encoding/base64"
	"encoding/hex"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
)

// maxPictureBytes bounds a picture that is sent inside the user object. PHP accepts uploads of 2 MiB unless a site
// raises that; twice as much leaves room and keeps an answer below 6 MiB.
const maxPictureBytes = 4 << 20

// gravatar is Gravatar::src of Faveo's package: email is the column, "" for NULL. As everywhere in PHP "0" is empty.
func gravatar(email string) string {
	const base, query = "https://secure.gravatar.com/avatar/", "?s=80&r=g&d=identicon"
	if falsy(email) {
		return base + strings.Repeat("0", 32) + query + "&f=y"
	}
	sum := md5.Sum([]byte(asciiLower(strings.Trim(email, " \t\n\r\x00\x0B"))))
	return base + hex.EncodeToString(sum[:]) + query
}

// asciiLower is strtolower of PHP 8, which knows ASCII only.
func asciiLower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// readPicture gives the file of uploads/profilepic that the column names, as a data URI, or "" when there is none.
//
// Stricter than PHP: the name cannot lead out of that folder (PHP would embed ../../../.env), and what is no regular
// file, not readable or larger than 4 MiB counts as missing.
func readPicture(publicPath, name string) string {
	content, ok := readUpload(publicPath, name)
	if !ok {
		return ""
	}
	return "data:image/" + extension(name) + ";base64," + base64.StdEncoding.EncodeToString(content)
}

func readUpload(publicPath, name string) ([]byte, bool) {
	if publicPath == "" {
		return nil, false
	}
	folder, err := os.OpenRoot(filepath.Join(publicPath, "uploads", "profilepic"))
	if err != nil {
		return nil, false
	}
	defer func() { _ = folder.Close() }()
	// Not blocking: a FIFO in the folder must not hold the request.
	file, err := folder.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, false
	}
	defer func() { _ = file.Close() }()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() || info.Size() > maxPictureBytes {
		return nil, false
	}
	content, err := io.ReadAll(io.LimitReader(file, maxPictureBytes+1))
	return content, err == nil && len(content) <= maxPictureBytes
}

// extension is pathinfo(…, PATHINFO_EXTENSION): what follows the last dot of the last element, without the dot.
func extension(name string) string { return strings.TrimPrefix(path.Ext(name), ".") }
