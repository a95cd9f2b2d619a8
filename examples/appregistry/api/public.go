package api

// login trades an e-mail and a password for tokens: the service's own front end does so, and only it may,
// for it owns the passwords.
func (a *API) login(c *call) (*reply, error) {
	var in struct {
		Email    string `json:"email"`
		Password string `json:"password"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	t, err := a.Login(c.ctx, in.Email, in.Password)
	if err != nil {
		return nil, err
	}
	return &reply{data: t}, nil
}

// health answers 503 if the store does not.
func (a *API) health(c *call) (*reply, error) {
	if err := a.Platform.Healthy(c.ctx); err != nil {
		return nil, err
	}
	return &reply{data: map[string]string{"status": "ok"}}, nil
}
