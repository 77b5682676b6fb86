package laravel_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strings"

	"faveo-gateway/upstream/laravel"
)

// A token hides in the query behind an escape. It is found, taken, and not in the
// request that goes to PHP.
func Example() {
	in, _ := http.ReadRequest(bufio.NewReader(strings.NewReader(
		"GET /api/v1/helpdesk/ticket?t%6fken=secret&ticket_id=7&tags[]=a&tags[]=b HTTP/1.1\r\nHost: helpdesk.example.test\r\n\r\n")))
	request, err := laravel.NewReader("", laravel.Limits{Body: 1 << 20, Parameters: 1 << 20}).Read(in)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer request.Close()
	token, _ := request.Take("token")[0].Text()
	out, err := request.Rebuild(context.Background())
	fmt.Println(token, request.InputMap())
	fmt.Println(out.URL, err)
	// Output:
	// secret map[tags:[a b] ticket_id:7]
	// /api/v1/helpdesk/ticket?ticket_id=7&tags%5B0%5D=a&tags%5B1%5D=b <nil>
}

// What PHP would read as another name than the client wrote is refused.
func ExampleAmbiguous() {
	in, _ := http.NewRequest(http.MethodGet, "/api/v1/helpdesk/ticket?api.key=x", nil)
	_, err := laravel.NewReader("", laravel.Limits{}).Read(in)
	fmt.Println(err)
	// Output: ambiguous request: parameter_name
}
