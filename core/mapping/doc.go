// Package mapping is what the scorer is told of a job where there is no job file:
// scorer.json, which says how records feed the model and what is published of
// them. It also reads records that staging wrote, so that a record arrives at the
// model with the same values, or the same failure, as where it lies.
//
// It travels apart from the model, so that a new mapping does not upload the model
// again. It must not know where records or models lie, nor who scores them.
package mapping
