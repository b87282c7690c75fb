package main

import (
	"errors"
	"log"
	"net/http"
	"strings"
	"time"
)

const pingURL = "{{ ping_url }}"

var client = &http.Client{Timeout: 10 * time.Second}

// tell gives up after three tries.
func tell(ending, text string) {
	var problem error
	for _, wait := range []time.Duration{0, 2, 8} {
		time.Sleep(wait * time.Second)
		answer, err := client.Post(pingURL+ending, "text/plain", strings.NewReader(text))
		if err == nil {
			answer.Body.Close()
			if answer.StatusCode < 300 {
				return
			}
			err = errors.New(answer.Status)
		}
		problem = err
	}
	log.Print("ping failed: ", problem)
}

func main() {
	tell("/start", "")
	if err := backup(); err != nil {
		tell("/fail", err.Error())
		log.Fatal(err)
	}
	tell("", "")
}
