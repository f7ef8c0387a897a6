"""HTTP: operations, their models and answers, and the authentication of requests."""
