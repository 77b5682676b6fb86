package doctor

func (s Site) public() part {
	return part{name: PartPublic, rest: []check{asks(CheckPublicAddress, s.Public, publicAddress)}}
}

func publicAddress(p Public) verdict {
	at := clean(p.URL) + " (" + clean(p.Source) + ")"
	switch {
	case p.URL == "":
		return skipped("neither APP_URL nor settings_system.url is known")
	case p.Fault != nil:
		return skipped("%s cannot be reached from here: %s", at, plain(p.Fault))
	case p.Who == AnswererFaveo:
		return unwise("let the web server in front lead to the gateway, see the README: nothing is protected before that",
			"%s leads to PHP and not to a gateway", at)
	case p.Who == AnswererOther:
		return unwise("look at that address: it should lead to the gateway", "%s is answered by neither a gateway nor Faveo", at)
	}
	return good("%s leads to a gateway", at)
}
