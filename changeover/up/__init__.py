"""`changeover up`: the store, model_server and predict_api as child processes, without Docker."""
