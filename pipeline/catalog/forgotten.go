package catalog

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"strata/pipeline/ids"
	"strata/pipeline/objects"
)

// forgottenKey is the object with the tombstones of all users who were forgotten, in the order in which that happened. It only
// grows, so how many there are says which. The key of the tombstones stands in an object of its own, of random bytes: who may
// read only one of the two can tell of nobody whether he is among them.
const (
	forgottenKey = "runs/forgotten.json"
	secretKey    = "runs/forgotten_key.json"
)

// ErrForgotten says that users were forgotten since a run began, so its files may have them. It is an ErrLostRace. A run that begins anew
// leaves them out.
var ErrForgotten = fmt.Errorf("users were forgotten: %w", ErrLostRace)

type forgotten struct {
	Users  []ids.Tombstone `json:"users"`
	Erased int             `json:"erased"` // of how many nothing is left, the first ones
}

type secret struct {
	Key string `json:"key"`
}

// Forgotten are the users of an output who must not come back.
type Forgotten struct {
	*ids.Forgotten     // nil: there are none
	Known          int // how many tombstones there are; a run notes it as Manifest.Forgets
	Erased         int // of how many of them nothing is left in any run

	key     []byte
	pending []ids.Tombstone // the others
}

// Covered tells whether all of whom something may be left are among some users, by their canonical ids.
func (f *Forgotten) Covered(users []string) bool {
	among := map[ids.Tombstone]bool{}
	for _, user := range users {
		among[ids.NewTombstone(f.key, []byte(user))] = true
	}
	return !slices.ContainsFunc(f.pending, func(t ids.Tombstone) bool { return !among[t] })
}

// Forgotten reads who was forgotten. In an output where nobody was, that costs one look.
func (c *Catalog) Forgotten(ctx context.Context) (*Forgotten, error) {
	all, _, err := c.forgotten(ctx)
	if err != nil || len(all.Users) == 0 {
		return &Forgotten{}, err
	}
	key, err := c.secret(ctx)
	if err != nil {
		return nil, err
	}
	users, err := ids.NewForgotten(key, all.Users)
	if err != nil {
		return nil, fmt.Errorf("%s %w: %w", c.bucket.URL(forgottenKey), errDamaged, err)
	}
	return &Forgotten{Forgotten: users, Known: len(all.Users), Erased: all.Erased, key: key, pending: all.Users[min(all.Erased, len(all.Users)):]}, nil
}

func (c *Catalog) forgotten(ctx context.Context) (all forgotten, version string, err error) {
	info, err := c.readJSON(ctx, forgottenKey, &all)
	if errors.Is(err, objects.ErrNotFound) {
		return all, "", nil
	}
	return all, info.Version, err
}

func (c *Catalog) secret(ctx context.Context) ([]byte, error) {
	var s secret
	if _, err := c.readJSON(ctx, secretKey, &s); err != nil {
		return nil, fmt.Errorf("the key of the users who were forgotten: %w", err)
	}
	key, err := hex.DecodeString(s.Key)
	if err != nil {
		err = fmt.Errorf("%s %w: %w", c.bucket.URL(secretKey), errDamaged, err)
	}
	return key, err
}

// Forget writes down that some users, by their canonical ids, must not come back, and returns all of whom that holds. What has
// been published of them stays.
func (c *Catalog) Forget(ctx context.Context, users []string) (*Forgotten, error) {
	if len(users) == 0 {
		return c.Forgotten(ctx)
	}
	err := c.putJSON(ctx, secretKey, "", secret{hex.EncodeToString(ids.NewKey())})
	if err != nil && !errors.Is(err, objects.ErrExists) {
		return nil, err
	}
	key, err := c.secret(ctx)
	if err != nil {
		return nil, err
	}
	err = c.changeForgotten(ctx, func(all *forgotten) bool {
		known := map[ids.Tombstone]bool{}
		for _, t := range all.Users {
			known[t] = true
		}
		before := len(all.Users)
		for _, user := range users {
			if t := ids.NewTombstone(key, []byte(user)); !known[t] {
				all.Users, known[t] = append(all.Users, t), true
			}
		}
		return len(all.Users) > before
	})
	if err != nil {
		return nil, fmt.Errorf("write down who is forgotten: %w", err)
	}
	return c.Forgotten(ctx)
}

// Erased writes down that of the first tombstones nothing is left.
func (c *Catalog) Erased(ctx context.Context, known int) error {
	return c.changeForgotten(ctx, func(all *forgotten) bool {
		before := all.Erased
		all.Erased = max(before, known)
		return all.Erased > before
	})
}

// changeForgotten changes the object where change says that there is something to change.
func (c *Catalog) changeForgotten(ctx context.Context, change func(*forgotten) bool) error {
	for try := 0; ; try++ {
		all, version, err := c.forgotten(ctx)
		if err != nil || !change(&all) {
			return err
		}
		if err := c.putJSON(ctx, forgottenKey, version, all); !lost(err) || try == contention {
			return err
		}
	}
}

// CheckForgotten looks whether more users are forgotten than a run knew of when it began: ErrForgotten.
func (c *Catalog) CheckForgotten(ctx context.Context, known int) error {
	var all struct{ Users []struct{} } // who they are takes longer to read
	_, err := c.readJSON(ctx, forgottenKey, &all)
	if err = ignoreMissing(err); err == nil && len(all.Users) != known {
		err = fmt.Errorf("%w; run again", ErrForgotten)
	}
	return err
}

// mayCommit is how long after its manifest a run may still come to stand: it looks who is forgotten after it has written the
// manifest, and then has commitWait to write current.json.
const mayCommit = 2 * commitWait

// NobodyCommits looks, once users are written down as forgotten, for runs that looked before that and are about to come to
// stand with them: ErrLostRace. All later ones find out by themselves.
func (c *Catalog) NobodyCommits(ctx context.Context, known int) error {
	now, err := c.storeTime(ctx)
	if err != nil {
		return fmt.Errorf("ask for the store's time: %w", err)
	}
	marks, err := c.pending(ctx)
	if err != nil {
		return err
	}
	for _, m := range marks {
		if m.key != pendingKey(m.RunRef) {
			continue
		}
		about, err := c.aboutToCommit(ctx, m.RunRef, known, now)
		if err != nil {
			return err
		}
		if about {
			return fmt.Errorf("run %s is about to be committed: %w; call strata forget again in a minute", &m.RunRef, ErrLostRace)
		}
	}
	return nil
}

func (c *Catalog) aboutToCommit(ctx context.Context, ref RunRef, known int, now time.Time) (bool, error) {
	info, err := c.bucket.Stat(ctx, manifestKey(ref))
	if err != nil || now.Sub(info.Modified) > mayCommit {
		return false, ignoreMissing(err)
	}
	m, err := c.Load(ctx, ref)
	if err != nil || m.Status != Committed || m.Forgets >= known {
		return false, ignoreMissing(err)
	}
	current, err := c.Current(ctx, ref.Date)
	return !current.stands(ref.Run), err
}

// ignoreMissing passes over what is not there, or not any more.
func ignoreMissing(err error) error {
	if errors.Is(err, objects.ErrNotFound) {
		return nil
	}
	return err
}
