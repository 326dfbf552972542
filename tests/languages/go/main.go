// SPDX-License-Identifier: Apache-2.0

// The conformance guest in Go, with fmt and time: see languages_test.py.
package main

import (
	"fmt"
	"math/rand"
	"os"
	"time"
	"unsafe"
)

//go:wasmimport net recv_next
func recvNext(buffer unsafe.Pointer, capacity int32, info unsafe.Pointer, timeoutMs int32) int32

//go:wasmimport net emit_to
func emitTo(path unsafe.Pointer, pathBytes int32, data unsafe.Pointer, bytes int32, timeoutMs int32) int32

var buffer [1024]byte

func yes(condition bool) string {
	if condition {
		return "yes"
	}
	return "no"
}

func check() {
	fmt.Print("first\nsecond\n")
	fmt.Print("par")
	fmt.Print("tial\n")
	fmt.Println("greeting", os.Getenv("GREETING"))
	before := time.Now()
	woken := make(chan bool)
	go func() { time.Sleep(20 * time.Millisecond); woken <- true }()
	<-woken
	fmt.Println("slept", yes(time.Since(before) >= 20*time.Millisecond))
	fmt.Println("random", yes(rand.Uint64() != rand.Uint64()))
	if _, err := os.ReadFile("/etc/passwd"); err != nil {
		fmt.Println("file refused")
	}
	fmt.Println("time", yes(time.Now().Unix() > 1600000000))
	fmt.Println("args", os.Args[0])
	fmt.Fprintln(os.Stderr, "error line")
	path, done := "again", "done"
	emitTo(unsafe.Pointer(unsafe.StringData(path)), 5, unsafe.Pointer(unsafe.StringData(done)), 4, -1)
}

//go:wasmexport on_process
func onProcess() int32 {
	n := recvNext(unsafe.Pointer(&buffer), int32(len(buffer)), nil, 0)
	if n <= 0 {
		return 0
	}
	switch text := string(buffer[:n]); text {
	case "check":
		check()
	case "panic":
		panic("told to")
	default:
		fmt.Println("got", text)
	}
	return 0
}

func main() {}
