package sagemaker

import (
	"context"
	"errors"

	"github.com/crossbatch/crossbatch/local/emulator/sagemaker/transform"
)

// begin lets a job go its way. It is called under the lock.
func (s *Server) begin(j *job, t transform.Task) {
	ctx, cancel := context.WithCancelCause(s.life)
	j.stop = func() { cancel(transform.ErrStopped) }
	s.running.Go(func() {
		defer cancel(nil)
		err := s.work(ctx, j, t)
		if errors.Is(err, transform.ErrStopped) {
			_ = s.wait(s.life, s.o.Stopping) // when the server is closed nobody looks any more
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		var f *transform.Failure
		switch {
		case err == nil:
			s.become(j, completed, "")
		case errors.Is(err, transform.ErrStopped):
			s.become(j, stopped, "")
		case errors.As(err, &f):
			s.become(j, failed, f.Reason)
		} // else the server is being closed
	})
}

// work queues, runs, and takes as long as it shall.
func (s *Server) work(ctx context.Context, j *job, t transform.Task) error {
	if err := s.wait(ctx, s.o.Queueing); err != nil {
		return err
	}
	if j.fail != "" {
		return &transform.Failure{Reason: j.fail}
	}
	return s.transform.Run(ctx, t, transform.Hooks{
		Started: func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			j.started = s.now()
		},
		Log: func(stream, line string) { s.logs.add(j.region, j.input.TransformJobName+"/"+stream, line) },
	})
}
