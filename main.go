// The command faveo-gateway is the front door of a Faveo helpdesk.
package main

import (
	"os"

	"faveo-gateway/gateway/cli"
)

func main() {
	os.Exit(cli.Main())
}
