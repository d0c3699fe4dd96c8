// Command recipe is docs/classic-recipe.md as a program: recipe PHOTOS BACKBONE trains a head on a frozen network with
// pictures drawn anew in every epoch, then the last stage too, and evaluates the written model.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/graft-ml/graft"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: recipe PHOTOS BACKBONE")
	}
	if err := recipe(context.Background(), os.Args[1], os.Args[2]); err != nil {
		log.Fatal(err)
	}
}

func recipe(ctx context.Context, photos, backbone string) error {
	split := graft.SplitOptions{Test: 0.35, Exclude: []string{"BACKGROUND_Google"}}
	if _, err := graft.Split(ctx, photos, "caltech", split); err != nil {
		return err
	}
	frozen := graft.TrainOptions{
		Backbone: graft.Backbone{Name: backbone}, // its top is removed, its weights do not change
		Augment:  "rotation=10,shift=0.1,zoom=0.1,hflip", Fresh: true,
		Head: graft.Head{Epochs: 5}, NoRefit: true, Out: "runs/frozen",
	}
	last := graft.TrainOptions{
		Backbone: frozen.Backbone, Strategy: "partial",
		Tuning: graft.Tuning{Stages: 1, Epochs: 5}, Out: "runs/last-stage",
	}
	for _, o := range []graft.TrainOptions{frozen, last} {
		run, err := graft.Train(ctx, "caltech", o)
		if err != nil {
			return err
		}
		for _, e := range run.History { // drawn in curves.svg too
			fmt.Printf("epoch %d: loss %.3f, in validation %.3f\n", e.Number, e.TrainLoss, e.ValLoss)
		}
		top1, _ := run.Report.Score("top1")
		fmt.Printf("%s: %.1f %% of %d test pictures\n", run.Dir, 100*top1.Value, run.Report.N)
	}
	model, err := graft.Open("runs/last-stage/model.onnx", graft.ModelOptions{})
	if err != nil {
		return err
	}
	defer model.Close()
	e, err := graft.Evaluate(ctx, model, "caltech/test", graft.EvalOptions{})
	if err == nil {
		top1, _ := e.Test.Score("top1")
		fmt.Printf("the file again: %.1f %%\n", 100*top1.Value)
	}
	return err
}
