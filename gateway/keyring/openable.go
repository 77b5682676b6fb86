package keyring

// Openable tells what Open would say to a listing, without changing anything: nil when
// every key that verifies is opened by one of the encryption keys, or when there is none
// yet; else ErrCannotUnseal, ErrCorrupt or ErrEncryptionKey. Its text names ids only.
func Openable(records []Record, encryptionKeys []string) error {
	sealing, err := parseEncryptionKeys(encryptionKeys)
	if err != nil || len(records) == 0 {
		return err
	}
	r := &Ring{sealing: sealing}
	r.state.Store(&snapshot{})
	_, missing, err := r.unsealAll(records)
	if err != nil {
		return err
	}
	return missing
}
