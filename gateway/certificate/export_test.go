package certificate

// Replace is Prepare and its commit: on an error the old certificate serves on.
func (s *Source) Replace(f Files) error {
	commit, err := s.Prepare(f)
	if err != nil {
		return err
	}
	commit()
	return nil
}
