"""What is done with predictions of measured sequences, variants and designs; whatever scores will do. Never Keras."""
