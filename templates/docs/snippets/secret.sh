kubectl create secret generic earlywatch --from-literal=backup={{ ping_url }}
