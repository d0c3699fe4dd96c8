// Command tinyimagenet cuts mosaics of small pictures into one folder a class, which graft train takes.
//
//	go run ./bench/tinyimagenet [-files _0] [-side 64] MOSAICS OUT
//
// MOSAICS has files CLASS_NUMBER.webp (or .png), each a whole number of square pictures of one class side by side, row by
// row, and classes.tsv: lines of a class and its names, with a tab between. OUT, which must not exist, gets a folder for
// each class, called by the first of its names, with the pictures as PNG, so that nothing is lost in them, called after their
// mosaic and their place in it: goldfish/n01443537_0_00.png. It appears when it is whole.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
)

func main() {
	c := cutter{}
	flag.StringVar(&c.files, "files", "", "only mosaics whose names end like this, as _0 (default: all)")
	flag.IntVar(&c.side, "side", 64, "pixels a side of a picture")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "tinyimagenet [-files _0] [-side 64] MOSAICS OUT\n\nCuts mosaics of small pictures into a new folder OUT with one folder a class.")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 2 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := c.run(ctx, flag.Arg(0), flag.Arg(1))
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "tinyimagenet:", err)
		os.Exit(1)
	}
	fmt.Printf("%d pictures of %d classes in %s\n", c.pictures, c.classes, flag.Arg(1))
}
