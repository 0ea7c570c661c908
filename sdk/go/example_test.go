package peeper_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"strings"
	"testing"

	"peeper/sdk/go"
)

func Example() {
	ctx, address := context.Background(), os.Getenv("PEEPER_ADDR")

	client, err := peeper.Connect(ctx, address, peeper.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	client.Start(ctx, peeper.StartOptions{Name: "hits", Behaviour: "counter"})
	count, err := client.Call(ctx, peeper.Name("hits"), "inc")
	fmt.Println(count, err)

	client.Stop(ctx, peeper.Name("hits"), nil)
	// Output: 1 <nil>
}

func TestTheExampleOfTheReadmeIsTheOneThatRuns(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(readme), "```go\n")
	shown, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatal("README.md shows no Go")
	}
	indented := "\t" + strings.ReplaceAll(strings.TrimSpace(shown), "\n", "\n\t")
	if !strings.Contains(string(source), indented) {
		t.Errorf("no function here has what README.md shows:\n%s", shown)
	}
}
