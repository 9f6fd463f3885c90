package main

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/jsonline"
	"github.com/firndb/firn/internal/points"
)

type metadataOptions struct {
	stream, category string
	maxAge, maxCount *string // nil: not given
	set              *string
}

func newMetadataCommand(c *console) *cobra.Command {
	var o metadataOptions
	cmd := &cobra.Command{
		Use:   "metadata [STREAM | --category C]",
		Short: "Show or set the limits and the free metadata of a stream, or the limits of a category",
		Long: `Show or set the limits and the free metadata of a stream. A category's limits
hold where a stream has none of its own. What is not given stays as it is; none
takes a limit away.`,
		Example: `  firn metadata order-42 --max-count 100
  firn metadata --category session --max-age 30d
  firn metadata order-42 --set '{"owner":"shop"}'`,
		Args:              args("[STREAM]"),
		ValidArgsFunction: c.completeStreams,
		RunE: func(cmd *cobra.Command, words []string) error {
			if len(words) > 0 {
				o.stream = words[0]
			}
			for name, given := range map[string]**string{"max-age": &o.maxAge, "max-count": &o.maxCount, "set": &o.set} {
				if flag := cmd.Flags().Lookup(name); flag.Changed {
					text := flag.Value.String()
					*given = &text
				}
			}
			return c.connected(cmd, func(s *session) error { return runMetadata(s, o) })
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.category, "category", "", "the limits of this category")
	f.String("max-age", "", "hide events older than this (36h, 30d), or none")
	f.String("max-count", "", "hide all but the newest N events, or none")
	f.String("set", "", "replace the free metadata by this JSON; an empty text removes it")
	return cmd
}

func runMetadata(s *session, o metadataOptions) error {
	if (o.stream == "") == (o.category == "") {
		return usage("name either STREAM or --category C")
	}
	if o.category != "" && o.set != nil {
		return usage("--set is for a stream; a category has limits, but no free metadata")
	}
	if o.set != nil && *o.set != "" && !jsonline.Valid([]byte(*o.set)) {
		return usage("--set %.64q is not JSON", *o.set)
	}
	limits, metadata, err := s.currentLimits(o)
	if err != nil {
		return err
	}
	if o.maxAge != nil || o.maxCount != nil {
		if err := o.apply(&limits); err != nil {
			return err
		}
		on := o.stream
		if o.category != "" {
			on = firn.CategoriesStream
		}
		if _, err := s.db.Change(s.ctx, on, firn.Any, limits); err != nil {
			return err
		}
	}
	if o.set != nil {
		metadata = []byte(*o.set)
		if _, err := s.db.Change(s.ctx, o.stream, firn.Any, firn.Metadata{Data: metadata}); err != nil {
			return err
		}
	}
	return s.print.object(o.fields(limits, metadata)...)
}

// apply puts the limits that were given over those that hold.
func (o *metadataOptions) apply(l *firn.Limits) error {
	if o.maxAge != nil {
		if l.MaxAge = 0; *o.maxAge != "none" {
			d, err := points.ParseSpan(*o.maxAge)
			if err != nil || d == 0 {
				return usage("--max-age %q; want a length of time like 36h or 30d, or none", *o.maxAge)
			}
			l.MaxAge = d
		}
	}
	if o.maxCount != nil {
		if l.MaxCount = 0; *o.maxCount != "none" {
			if err := json.Unmarshal([]byte(*o.maxCount), &l.MaxCount); err != nil || l.MaxCount == 0 {
				return usage("--max-count %q; want a number from 1, or none", *o.maxCount)
			}
		}
	}
	return nil
}

// currentLimits returns what holds now, so that what is not given stays.
func (s *session) currentLimits(o metadataOptions) (firn.Limits, []byte, error) {
	if o.stream != "" {
		info, err := s.db.Stream(s.ctx, o.stream, firn.Point{})
		if errors.Is(err, firn.ErrNotFound) && (o.maxAge != nil || o.maxCount != nil || o.set != nil) {
			err = nil // limits may be set before the first event
		}
		return firn.Limits{MaxAge: info.MaxAge, MaxCount: info.MaxCount}, info.Metadata, err
	}
	limits := firn.Limits{Category: o.category}
	if err := firn.CheckCategory(o.category); err != nil {
		return limits, nil, err
	}
	q := firn.Query{Stream: firn.CategoriesStream, Backwards: true, Raw: true}
	for e, err := range s.db.Read(s.ctx, q) {
		if errors.Is(err, firn.ErrNotFound) {
			break // no category was ever given limits
		}
		if err != nil {
			return limits, nil, err
		}
		var recorded struct {
			Category string `json:"category"`
			MaxAge   int64  `json:"max_age_us"`
			MaxCount uint64 `json:"max_count"`
		}
		if json.Unmarshal(e.Data, &recorded) == nil && recorded.Category == o.category {
			limits.MaxAge, limits.MaxCount = time.Duration(recorded.MaxAge)*time.Microsecond, recorded.MaxCount
			break
		}
	}
	return limits, nil, nil
}

func (o *metadataOptions) fields(l firn.Limits, metadata []byte) []field {
	age, count := raw("max_age", []byte("null")), raw("max_count", []byte("null"))
	if l.MaxAge > 0 {
		age = str("max_age", l.MaxAge.String())
	}
	if l.MaxCount > 0 {
		count = num("max_count", l.MaxCount)
	}
	if o.category != "" {
		return []field{str("category", o.category), age, count}
	}
	free := raw("metadata", []byte("null"))
	if len(metadata) > 0 && jsonline.Valid(metadata) {
		free = raw("metadata", metadata)
	} else if len(metadata) > 0 {
		free = str("metadata", string(metadata))
	}
	return []field{str("stream", o.stream), age, count, free}
}
