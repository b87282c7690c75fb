require "net/http"

PING_URL = "{{ ping_url }}"
LIMITS = { open_timeout: 5, read_timeout: 10, write_timeout: 10 } # seconds

# Never raises, and gives up after three tries.
def tell(ending = "", text = "")
  uri = URI(PING_URL + ending)
  problem = nil
  [0, 2, 8].each do |wait|
    sleep wait
    Net::HTTP.start(uri.host, uri.port, use_ssl: uri.scheme == "https", **LIMITS) do |http|
      http.post(uri.request_uri, text, "Content-Type" => "text/plain").value
    end
    return
  rescue StandardError => error
    problem = error
  end
  warn "ping failed: #{problem.message}"
end

tell "/start"
begin
  backup
rescue Exception => error
  tell "/fail", error.full_message(highlight: false)
  raise
end
tell
