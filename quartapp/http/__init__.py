"""What HTTP adds: operations, their models and answers, who may call them."""
