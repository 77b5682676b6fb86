package config

import "fmt"

// FaveoFacts are what Faveo's own .env says of Faveo itself, and no setting of the gateway
// is made of. The zero value knows nothing.
type FaveoFacts struct {
	// Known says that a file was read.
	Known bool
	// AppURL is APP_URL, the public address; "" when it is not given.
	AppURL string
	// Debug is APP_DEBUG as PHP takes it.
	Debug bool
}

// ReadFaveoFacts reads them from the file, none from "". Its error shows no value.
func ReadFaveoFacts(name string) (FaveoFacts, error) {
	if name == "" {
		return FaveoFacts{}, nil
	}
	data, err := readLimited(name, maxFile)
	if err != nil {
		return FaveoFacts{}, fmt.Errorf("%s: cannot be read: %w", name, err)
	}
	values, err := parseDotenv(data)
	if err != nil {
		return FaveoFacts{}, fmt.Errorf("%s: is not a .env that Laravel can read: %w", name, err)
	}
	e := faveoEnv{values}
	address, _ := e.get("APP_URL")
	debug, _ := e.get("APP_DEBUG")
	return FaveoFacts{Known: true, AppURL: address, Debug: debug != "" && debug != "0"}, nil
}
