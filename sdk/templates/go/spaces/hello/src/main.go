package main

import (
	"fmt"
	"unsafe"
)

// The next message, or a negative number (docs/abi.md).
//
//go:wasmimport net recv_next
func recvNext(buffer unsafe.Pointer, capacity int32, info unsafe.Pointer, timeoutMs int32) int32

var buffer [1024]byte

//go:wasmexport on_init
func onInit() int32 {
	fmt.Println("hello")
	return 0
}

//go:wasmexport on_process
func onProcess() int32 {
	if n := recvNext(unsafe.Pointer(&buffer), int32(len(buffer)), nil, 0); n > 0 {
		fmt.Println(string(buffer[:n]))
	}
	return 0
}

func main() {}
