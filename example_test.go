package graft_test

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"log"
	"os"
	"path/filepath"

	"github.com/graft-ml/graft"
)

// A folder of labelled photos becomes a model; the model classifies a picture.
func Example() {
	ctx := context.Background()
	dir := paint() // dir/red/*.png and dir/blue/*.png
	defer os.RemoveAll(dir)

	run, err := graft.Train(ctx, filepath.Join(dir, "photos"), graft.TrainOptions{
		Seed:    1,
		Out:     filepath.Join(dir, "run"),
		Head:    graft.Head{Epochs: 10},
		Reading: graft.Reading{NoCache: true},
	})
	if err != nil {
		log.Fatal(err)
	}
	top1, _ := run.Report.Score("top1")
	fmt.Printf("%d test pictures, %.0f %% right\n", run.Report.N, 100*top1.Value)

	model, err := graft.Open(run.Model, graft.ModelOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	predictions, err := model.Predict(ctx, picture(color.RGBA{200, 30, 40, 255}))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(model.Classes(), predictions[0].Class)
	// Output:
	// 4 test pictures, 100 % right
	// [blue red] red
}

// Several pictures at once are faster than one after the other.
func ExampleModel_PredictBatch() {
	ctx := context.Background()
	model, err := graft.Open(trained(), graft.ModelOptions{Threads: 2})
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	batch := []image.Image{picture(color.RGBA{20, 30, 220, 255}), picture(color.RGBA{220, 30, 20, 255})}
	results, err := model.PredictBatch(ctx, batch)
	if err != nil {
		log.Fatal(err)
	}
	for _, predictions := range results {
		fmt.Println(predictions[0].Class)
	}
	// Output:
	// blue
	// red
}

// A model measured on more pictures.
func ExampleEvaluate() {
	ctx := context.Background()
	model, err := graft.Open(trained(), graft.ModelOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	dir := paint()
	defer os.RemoveAll(dir)
	result, err := graft.Evaluate(ctx, model, filepath.Join(dir, "photos"), graft.EvalOptions{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("trained on %d of them; the other %d are new\n", result.TrainedOn, result.Test.N)
	// Output:
	// trained on 16 of them; the other 4 are new
}
