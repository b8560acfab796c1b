package catalog

import (
	"context"
	"errors"
	"fmt"

	"strata/pipeline/objects"
)

// baseKey is the object that names the base: the oldest committed date that strata gc has left. All before it is removed or
// about to be, so nothing can be compared with it any more. It is written before anything is removed, and never goes back,
// so whoever finds something that is older knows that a collection was interrupted.
const baseKey = "runs/base.json"

type base struct {
	Date Date `json:"date"`
}

// A BaseError is a date that cannot be run, since what it would be compared with has been removed.
type BaseError struct{ Date, Base Date }

func (e *BaseError) Error() string {
	return fmt.Sprintf("%s cannot be run: strata gc has removed all runs before the base, which is %s, so there is nothing to compare "+
		"it with; the first date that can be run is %s", e.Date, e.Base, e.Base.Add(1))
}

// Base is the date before which everything was removed; zero where nothing was.
func (c *Catalog) Base(ctx context.Context) (Date, error) {
	var b base
	_, err := c.readJSON(ctx, baseKey, &b)
	if errors.Is(err, objects.ErrNotFound) {
		return Date{}, nil
	}
	return b.Date, err
}

// checkBase refuses the base and what is before it.
func (c *Catalog) checkBase(ctx context.Context, date Date) error {
	b, err := c.Base(ctx)
	if err == nil && !b.Before(date) {
		err = &BaseError{Date: date, Base: b}
	}
	return err
}

// raiseBase makes a date the base, unless a later one is.
func (c *Catalog) raiseBase(ctx context.Context, date Date) error {
	for try := 0; ; try++ {
		var b base
		info, err := c.readJSON(ctx, baseKey, &b)
		if err != nil && !errors.Is(err, objects.ErrNotFound) {
			return err
		}
		if !b.Date.Before(date) {
			return nil
		}
		if err := c.putJSON(ctx, baseKey, info.Version, base{date}); !lost(err) || try == contention {
			return err
		}
	}
}
